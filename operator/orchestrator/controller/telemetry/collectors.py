"""Metrics that are read when Prometheus asks: queues, watches, and what is in the caches.

Prometheus is answered in a thread beside the operator's
(`orchestrator.controller.background_loop`), so everything here is read in one step and never
changed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from orchestrator.controller.queue import UNEXPECTED
from orchestrator.engine.times import from_rfc3339
from orchestrator.kube.cache import Raw
from orchestrator.models.execution import ExecutionPhase, NodePhase
from orchestrator.models.reasons import Reason

PREFIX = "itechsmart_workflow"
"""Of every metric's name, before an underscore."""
_REASONS = frozenset(Reason)
_EXECUTION_PHASES = frozenset(phase for phase in ExecutionPhase if not phase.terminal)
_NODE_PHASES = frozenset(phase for phase in NodePhase if not phase.terminal)

Labels = tuple[str, ...]


class Queue(Protocol):
    """What is measured of a work queue."""

    @property
    def name(self) -> str: ...
    @property
    def failures(self) -> Mapping[str, int]: ...
    @property
    def longest_wait(self) -> float: ...
    @property
    def longest_running(self) -> float: ...
    def __len__(self) -> int: ...


class Watch(Protocol):
    """What is measured of a watch."""

    @property
    def name(self) -> str: ...
    @property
    def failures(self) -> int: ...
    @property
    def silence(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the metrics come from that are read when they are asked for."""

    leads: Callable[[], bool]
    """Whether this replica is the leader: the others report nothing of queues and executions, so
    that a sum over all replicas counts everything once."""
    answers: Mapping[tuple[str, str, str], int]
    """Answers of the API server by verb, resource and code."""
    queues: Collection[Queue]
    watches: Collection[Watch]
    executions: Iterable[Raw]
    """Those that have not ended."""
    held_triggers: Callable[[], Iterable[str]]
    """The namespace of each Trigger whose execution a quota refuses."""
    lease_failures: Callable[[], int]
    dropped_events: Callable[[], int]
    silence: Callable[[], float]
    """Seconds since the operator's event loop has answered."""


class Reading(Collector):
    """Everything that is read when it is asked for."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._inventory = Inventory(sources.executions)

    def collect(self) -> Iterator[Metric]:
        """Of a replica that stands by, what concerns the replica itself."""
        sources, leads = self._sources, self._sources.leads()
        yield _gauge("leader", "1 if this replica is the leader, otherwise 0.", leads)
        yield _counter(
            "lease_renewal_failures",
            "Renewals of the Lease that failed while this replica held it.",
            (),
            {(): sources.lease_failures()},
        )
        yield _gauge(
            "event_loop_lag_seconds",
            "Time since the operator's event loop has answered; up to one second is normal.",
            sources.silence(),
        )
        yield _counter(
            "events_dropped",
            "Kubernetes Events that were not written: beyond their budget, or refused.",
            (),
            {(): sources.dropped_events()},
        )
        yield from self._requests()
        yield from self._watches()
        if leads:
            yield from self._queues()
            yield from self._inventory.collect()
            held = Counter[Labels]((namespace,) for namespace in sources.held_triggers())
            yield _gauges(
                "triggers_quota_exceeded",
                "Triggers with an event that waits because a quota refuses its execution.",
                ("namespace",),
                held,
            )

    def _requests(self) -> Iterator[Metric]:
        yield _counter(
            "api_requests",
            "Requests to the API server, by verb, resource and the code of the response; the code "
            "is none where there was no response.",
            ("verb", "resource", "code"),
            dict(self._sources.answers),
        )

    def _watches(self) -> Iterator[Metric]:
        watches = {(watch.name,): watch for watch in self._sources.watches}
        yield _counter(
            "watch_failures",
            "Lists and watches that failed and were begun again, by resource.",
            ("resource",),
            {labels: watch.failures for labels, watch in watches.items()},
        )
        yield _gauges(
            "watch_silence_seconds",
            "Time since a watch received anything, bookmarks included, by resource; infinite until "
            "the first list.",
            ("resource",),
            {labels: watch.silence for labels, watch in watches.items()},
        )

    def _queues(self) -> Iterator[Metric]:
        queues = {(queue.name,): queue for queue in self._sources.queues}
        yield _gauges(
            "workqueue_depth",
            "Keys that wait in a workqueue, by the name of the queue.",
            ("name",),
            {labels: len(queue) for labels, queue in queues.items()},
        )
        yield _gauges(
            "workqueue_longest_wait_seconds",
            "How long the key has waited that has waited longest in a workqueue; 0 if none waits.",
            ("name",),
            {labels: queue.longest_wait for labels, queue in queues.items()},
        )
        yield _gauges(
            "workqueue_longest_running_processor_seconds",
            "How long the reconciliation has run that has run longest; 0 if none runs.",
            ("name",),
            {labels: queue.longest_running for labels, queue in queues.items()},
        )
        yield _counter(
            "reconcile_errors",
            "Reconciliations that failed and are retried, by the name of the queue and the reason: "
            "that of the API server's answer, Unexpected for anything else.",
            ("name", "reason"),
            {
                (queue.name, reason): failures
                for queue in self._sources.queues
                # What no one expects is reported as 0 before, so that the first one is an increase.
                for reason, failures in {UNEXPECTED: 0, **queue.failures}.items()
            },
        )


@dataclass(slots=True)
class _Count:
    """How many, and since when the oldest, in seconds since the epoch."""

    number: int = 0
    oldest: float = math.inf

    def add(self, number: int, oldest: float) -> None:
        self.number += number
        self.oldest = min(self.oldest, oldest)


Counts = dict[Labels, _Count]


@dataclass(frozen=True, slots=True)
class _Execution:
    """What an execution adds to the counts, at a version of it."""

    version: str
    labels: Labels
    created_at: float
    nodes: Counts


class Inventory:
    """Counts executions and nodes that have not ended; one that has not changed is read once."""

    def __init__(self, executions: Iterable[Raw]) -> None:
        self._executions = executions
        self._known: dict[str, _Execution] = {}

    def collect(self) -> Iterator[Metric]:
        """Executions and nodes by namespace, phase and reason, and the oldest of each."""
        executions, nodes = self._count()
        labels = ("namespace", "phase", "reason")
        yield _gauges(
            "executions",
            "Executions that have not ended, by namespace, phase and reason.",
            labels,
            {key: count.number for key, count in executions.items()},
        )
        yield _gauges(
            "oldest_execution_creation_timestamp_seconds",
            "When the oldest execution was created that has not ended, by namespace, phase and "
            "reason, in seconds since the epoch.",
            labels,
            _oldest(executions),
        )
        yield _gauges(
            "nodes",
            "Nodes that have begun and not ended, by namespace, phase and reason.",
            labels,
            {key: count.number for key, count in nodes.items()},
        )
        yield _gauges(
            "oldest_node_start_timestamp_seconds",
            "When the latest attempt of the node began that is the oldest of those that have not "
            "ended, by namespace, phase and reason, in seconds since the epoch.",
            labels,
            _oldest(nodes),
        )

    def _count(self) -> tuple[Counts, Counts]:
        executions: Counts = {}
        nodes: Counts = {}
        known, self._known = self._known, {}
        for raw in self._executions:
            uid = raw["metadata"]["uid"]
            found = known.get(uid)
            if found is None or found.version != raw["metadata"]["resourceVersion"]:
                found = _read(raw)
            self._known[uid] = found
            executions.setdefault(found.labels, _Count()).add(1, found.created_at)
            for labels, count in found.nodes.items():
                nodes.setdefault(labels, _Count()).add(count.number, count.oldest)
        return executions, nodes


def _oldest(counts: Counts) -> dict[Labels, float]:
    """Since when the oldest of each; those of an unknown beginning are left out."""
    return {key: count.oldest for key, count in counts.items() if count.oldest < math.inf}


def _read(raw: Raw) -> _Execution:
    metadata, status = raw["metadata"], raw.get("status") or {}
    namespace = metadata["namespace"]
    phase = _one_of(_EXECUTION_PHASES, status.get("phase")) or ExecutionPhase.PENDING
    created_at = _time(metadata["creationTimestamp"]) or math.inf
    nodes: Counts = {}
    records = status.get("nodes")
    for record in records.values() if isinstance(records, dict) else ():
        if not isinstance(record, dict) or not _one_of(_NODE_PHASES, record.get("phase")):
            continue
        began = _time(record.get("attemptStartedAt") or record.get("startedAt"))
        labels = namespace, record["phase"], _one_of(_REASONS, record.get("reason"))
        nodes.setdefault(labels, _Count()).add(1, math.inf if began is None else began)
    labels = namespace, phase, _one_of(_REASONS, status.get("reason"))
    return _Execution(metadata["resourceVersion"], labels, created_at, nodes)


def _one_of(known: Collection[str], value: Any) -> str:
    """The value if it is a known one: others were written by hand, and there is no end of them."""
    return str(value) if isinstance(value, str) and value in known else ""


def _time(text: Any) -> float | None:
    try:
        return from_rfc3339(text)
    except (AttributeError, TypeError, ValueError):  # absent, or written by hand
        return None


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return _gauges(name, meaning, (), {(): value})


def _gauges(
    name: str, meaning: str, labels: Labels, values: Mapping[Labels, float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", meaning, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def _counter(
    name: str, meaning: str, labels: Labels, values: Mapping[Any, float]
) -> CounterMetricFamily:
    family = CounterMetricFamily(f"{PREFIX}_{name}", meaning, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family
