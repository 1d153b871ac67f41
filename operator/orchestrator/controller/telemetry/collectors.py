"""Collects the metrics that are read at each scrape: watches, queues, requests and executions.

A thread beside the operator's answers Prometheus (`orchestrator.process.background_loop`), so a
collector reads each value in one step and changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from orchestrator.controller.telemetry.execution_collector import ExecutionCollector
from orchestrator.controller.telemetry.families import Labels, counter, gauge, gauges
from orchestrator.kube.cache import Raw
from orchestrator.process.queue import UNEXPECTED


class Queue(Protocol):
    """The properties of a work queue that are exposed as metrics."""

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
    """The properties of a watch that are exposed as metrics."""

    @property
    def name(self) -> str: ...
    @property
    def failures(self) -> int: ...
    @property
    def silence(self) -> float: ...


@dataclass(frozen=True, slots=True)
class MetricSources:
    """The sources of the metrics that are read at each scrape."""

    is_leader: Callable[[], bool]
    """Whether this replica is the leader. Other replicas report no queues or executions, so that a
    sum over all replicas counts everything once."""
    responses: Mapping[tuple[str, str, str], int]
    """Number of responses of the API server by verb, resource and code."""
    queues: Collection[Queue]
    watches: Collection[Watch]
    executions: Iterable[Raw]
    """The executions that have not ended."""
    quota_exceeded_triggers: Callable[[], Iterable[str]]
    """The namespace of each Trigger whose execution a quota refuses."""
    lease_failures: Callable[[], int]
    dropped_events: Callable[[], int]
    event_loop_lag: Callable[[], float]
    """Seconds since the operator's event loop last responded."""


class OperatorCollector(Collector):
    """Reads the sources at each scrape."""

    def __init__(self, sources: MetricSources) -> None:
        self._sources = sources
        self._executions = ExecutionCollector(sources.executions)

    def collect(self) -> Iterator[Metric]:
        """All metrics of the leader; of a standby replica, only those about the replica itself."""
        sources, is_leader = self._sources, self._sources.is_leader()
        yield gauge("leader", "1 if this replica is the leader, otherwise 0.", is_leader)
        yield counter(
            "lease_renewal_failures",
            "Failed renewals of the Lease while this replica held it.",
            (),
            {(): sources.lease_failures()},
        )
        yield gauge(
            "event_loop_lag_seconds",
            "Time since the operator's event loop last responded; up to one second is normal.",
            sources.event_loop_lag(),
        )
        yield counter(
            "events_dropped",
            "Kubernetes Events that were not written because they exceeded their budget or were "
            "refused.",
            (),
            {(): sources.dropped_events()},
        )
        yield from self._requests()
        yield from self._watches()
        if is_leader:
            yield from self._queues()
            yield from self._executions.collect()
            namespaces = sources.quota_exceeded_triggers()
            yield gauges(
                "triggers_quota_exceeded",
                "Triggers with an event that waits because a quota refuses its execution.",
                ("namespace",),
                Counter[Labels]((namespace,) for namespace in namespaces),
            )

    def _requests(self) -> Iterator[Metric]:
        yield counter(
            "api_requests",
            "Requests to the API server, by verb, resource and response code; the code is none if "
            "there was no response.",
            ("verb", "resource", "code"),
            dict(self._sources.responses),
        )

    def _watches(self) -> Iterator[Metric]:
        watches = {(watch.name,): watch for watch in self._sources.watches}
        yield counter(
            "watch_failures",
            "Lists and watches that failed and were restarted, by resource.",
            ("resource",),
            {labels: watch.failures for labels, watch in watches.items()},
        )
        yield gauges(
            "watch_silence_seconds",
            "Time since a watch last received an event or a bookmark, by resource; infinite until "
            "the first list.",
            ("resource",),
            {labels: watch.silence for labels, watch in watches.items()},
        )

    def _queues(self) -> Iterator[Metric]:
        queues = {(queue.name,): queue for queue in self._sources.queues}
        yield gauges(
            "workqueue_depth",
            "Keys waiting in a workqueue, by queue name.",
            ("name",),
            {labels: len(queue) for labels, queue in queues.items()},
        )
        yield gauges(
            "workqueue_longest_wait_seconds",
            "Waiting time of the oldest key in a workqueue, by queue name; 0 if no key is waiting.",
            ("name",),
            {labels: queue.longest_wait for labels, queue in queues.items()},
        )
        yield gauges(
            "workqueue_longest_running_processor_seconds",
            "Duration so far of the longest reconciliation in progress, by queue name; 0 if there "
            "is none.",
            ("name",),
            {labels: queue.longest_running for labels, queue in queues.items()},
        )
        yield counter(
            "reconcile_errors",
            "Reconciliations that failed and are retried, by queue name and reason: the reason in "
            "the API server's response, or Unexpected for any other error.",
            ("name", "reason"),
            {
                (queue.name, reason): failures
                for queue in self._sources.queues
                # Unexpected starts at 0, so that the first unexpected error is an increase.
                for reason, failures in {UNEXPECTED: 0, **queue.failures}.items()
            },
        )
