"""Counts the executions and nodes that have not ended, for Prometheus."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import Metric

from orchestrator.controller.telemetry.families import Labels, gauges
from orchestrator.engine.times import from_rfc3339
from orchestrator.kube.cache import Raw
from orchestrator.models.execution import ExecutionPhase, NodePhase
from orchestrator.models.reasons import Reason

_REASONS = frozenset(Reason)
_EXECUTION_PHASES = frozenset(phase for phase in ExecutionPhase if not phase.terminal)
_NODE_PHASES = frozenset(phase for phase in NodePhase if not phase.terminal)


@dataclass(slots=True)
class _Count:
    """Number of objects, and when the oldest of them began, in seconds since the epoch."""

    number: int = 0
    oldest: float = math.inf

    def add(self, number: int, oldest: float) -> None:
        self.number += number
        self.oldest = min(self.oldest, oldest)


_Counts = dict[Labels, _Count]


@dataclass(frozen=True, slots=True)
class _ExecutionCounts:
    """The contribution of one resourceVersion of an execution to the counts."""

    version: str
    labels: Labels
    created_at: float
    nodes: _Counts


class ExecutionCollector:
    """Counts executions and nodes that have not ended; an unchanged execution is parsed once."""

    def __init__(self, executions: Iterable[Raw]) -> None:
        self._executions = executions
        self._parsed: dict[str, _ExecutionCounts] = {}

    def collect(self) -> Iterator[Metric]:
        """Number of executions and nodes by namespace, phase and reason, and the age of the oldest
        ones."""
        executions, nodes = self._count()
        labels = ("namespace", "phase", "reason")
        yield gauges(
            "executions",
            "Executions that have not ended, by namespace, phase and reason.",
            labels,
            {key: count.number for key, count in executions.items()},
        )
        yield gauges(
            "oldest_execution_creation_timestamp_seconds",
            "Creation time of the oldest execution that has not ended, by namespace, phase and "
            "reason, in seconds since the epoch.",
            labels,
            _oldest(executions),
        )
        yield gauges(
            "nodes",
            "Nodes that have started and not ended, by namespace, phase and reason.",
            labels,
            {key: count.number for key, count in nodes.items()},
        )
        yield gauges(
            "oldest_node_start_timestamp_seconds",
            "Earliest start time of the current attempts of nodes that have not ended, by "
            "namespace, phase and reason, in seconds since the epoch.",
            labels,
            _oldest(nodes),
        )

    def _count(self) -> tuple[_Counts, _Counts]:
        executions: _Counts = {}
        nodes: _Counts = {}
        previous, self._parsed = self._parsed, {}
        for raw in self._executions:
            uid = raw["metadata"]["uid"]
            parsed = previous.get(uid)
            if parsed is None or parsed.version != raw["metadata"]["resourceVersion"]:
                parsed = _parse(raw)
            self._parsed[uid] = parsed
            executions.setdefault(parsed.labels, _Count()).add(1, parsed.created_at)
            for labels, count in parsed.nodes.items():
                nodes.setdefault(labels, _Count()).add(count.number, count.oldest)
        return executions, nodes


def _oldest(counts: _Counts) -> dict[Labels, float]:
    """When the oldest of each began; those with an unknown start time are omitted."""
    return {key: count.oldest for key, count in counts.items() if count.oldest < math.inf}


def _parse(raw: Raw) -> _ExecutionCounts:
    metadata, status = raw["metadata"], raw.get("status") or {}
    namespace = metadata["namespace"]
    phase = _one_of(_EXECUTION_PHASES, status.get("phase")) or ExecutionPhase.PENDING
    created_at = _timestamp(metadata["creationTimestamp"]) or math.inf
    nodes: _Counts = {}
    records = status.get("nodes")
    for record in records.values() if isinstance(records, dict) else ():
        if not isinstance(record, dict) or not _one_of(_NODE_PHASES, record.get("phase")):
            continue
        started_at = _timestamp(record.get("attemptStartedAt") or record.get("startedAt"))
        labels = namespace, record["phase"], _one_of(_REASONS, record.get("reason"))
        nodes.setdefault(labels, _Count()).add(1, math.inf if started_at is None else started_at)
    labels = namespace, phase, _one_of(_REASONS, status.get("reason"))
    return _ExecutionCounts(metadata["resourceVersion"], labels, created_at, nodes)


def _one_of(known: Collection[str], value: Any) -> str:
    """The value if it is known, else an empty string: values written by hand are unbounded."""
    return str(value) if isinstance(value, str) and value in known else ""


def _timestamp(text: Any) -> float | None:
    try:
        return from_rfc3339(text)
    except (AttributeError, TypeError, ValueError):  # absent, or written by hand
        return None
