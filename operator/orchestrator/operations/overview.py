"""Figures over executions: by outcome and Workflow, durations, nodes, and time that people take."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.engine.times import from_rfc3339
from orchestrator.models.reasons import Reason
from orchestrator.operations.approvals import REASONS
from orchestrator.operations.executions import has_ended, phase_of
from orchestrator.operations.writes import Raw

MAX_NODES = 10
"""Slowest nodes in an overview."""
_ENDED = (Reason.REJECTED, Reason.APPROVAL_TIMED_OUT)
"""Reasons with which an approval has ended; one that was approved has an output."""


@dataclass(frozen=True, slots=True)
class PastRuns:
    """Ended executions of which only sums are known. Durations are in seconds."""

    phases: Mapping[str, int] = field(default_factory=dict)
    forbidden: int = 0
    """Those that a concurrency limit refused."""
    started: int = 0
    seconds: float = 0.0
    """Of those that had started."""
    approvals: int = 0
    approval_seconds: float = 0.0
    percentiles: Mapping[int, float] | None = None
    """Of the durations, with those of the executions that they are added to; None if unknown."""


@dataclass(frozen=True, slots=True)
class Past:
    """The sums of ended executions that are added to others."""

    total: PastRuns = field(default_factory=PastRuns)
    workflows: Mapping[tuple[str, str], PastRuns] = field(default_factory=dict)
    """By namespace and name."""
    nodes: Mapping[tuple[str, str, str], tuple[int, float]] = field(default_factory=dict)
    """Runs and their seconds, by namespace, workflow and name; without approvals."""


def figures(executions: Sequence[Raw], now: float, past: PastRuns | None = None) -> dict[str, Any]:
    """Counts, success rate, durations in seconds and what is active now.

    Executions that a concurrency limit forbade are no part of the success rate, as in the metrics
    of a Workflow.
    """
    sums = past or PastRuns()
    phases = Counter(map(phase_of, executions)) + Counter(sums.phases)
    ended = [one for one in executions if has_ended(one)]
    forbidden = sum(map(_is_forbidden, ended)) + sums.forbidden
    total = len(executions) + sum(sums.phases.values())
    active = len(executions) - len(ended)
    counted = total - active - forbidden
    took, waited = _times(ended), _approval_times(executions, now)
    return {
        "executions": total,
        "byPhase": dict(sorted(phases.items())),
        "successRate": phases["Succeeded"] / counted if counted else 0.0,
        "durationSeconds": durations(took)
        if past is None
        else _with_past(took, past.started, past.seconds, past.percentiles),
        "runningNow": active,
        "approvalsWaiting": sum(len(_waiting(one)) for one in executions),
        "approvalSeconds": durations(waited)
        if past is None
        else _with_past(waited, past.approvals, past.approval_seconds),
    }


def by_workflow(
    executions: Sequence[Raw], now: float, past: Past | None = None
) -> list[dict[str, Any]]:
    """The same for each Workflow, the one with the most executions first."""
    grouped: dict[tuple[str, str], list[Raw]] = defaultdict(list)
    for one in executions:
        grouped[_workflow_of(one)].append(one)
    for key in past.workflows if past is not None else ():
        grouped.setdefault(key, [])
    rows = [
        {
            "namespace": namespace,
            "workflow": workflow,
            **figures(group, now, _past_of(past, (namespace, workflow))),
        }
        for (namespace, workflow), group in grouped.items()
    ]
    return sorted(rows, key=lambda row: (-row["executions"], row["namespace"], row["workflow"]))


def slowest_nodes(executions: Iterable[Raw], past: Past | None = None) -> list[dict[str, Any]]:
    """The nodes whose runs take longest on average, without approvals."""
    times: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for one in executions:
        for node, record in _records(one).items():
            seconds = _between(record)
            skipped = record["phase"] == "Skipped"
            if seconds is not None and not skipped and not _is_approval(record):
                times[(*_workflow_of(one), node)].append(seconds)
    if past is None:
        found = {key: durations(each) for key, each in times.items()}
    else:
        found = {
            key: _with_past(times.get(key, ()), *past.nodes.get(key, (0, 0.0)))
            for key in {**times, **past.nodes}
        }
    rows = [
        {"namespace": namespace, "workflow": workflow, "node": node, **figure}
        for (namespace, workflow, node), figure in found.items()
    ]
    return sorted(rows, key=lambda row: (-row["average"], row["workflow"], row["node"]))[:MAX_NODES]


def durations(found: Iterable[float]) -> dict[str, Any]:
    """Count, mean, median and 95th percentile (nearest rank) of seconds."""
    ordered = sorted(found)
    if not ordered:
        return {"count": 0, "average": 0.0, "p50": 0.0, "p95": 0.0}
    return {
        "count": len(ordered),
        "average": sum(ordered) / len(ordered),
        "p50": _rank(ordered, 50),
        "p95": _rank(ordered, 95),
    }


def _with_past(
    found: Iterable[float],
    count: int,
    seconds: float,
    percentiles: Mapping[int, float] | None = None,
) -> dict[str, Any]:
    """Count and mean of seconds, with those of which the sum is known; percentiles if they are."""
    times = list(found)
    total = len(times) + count
    figure = {"count": total, "average": (sum(times) + seconds) / total if total else 0.0}
    if percentiles is not None:
        figure |= {f"p{percent}": percentiles.get(percent, 0.0) for percent in (50, 95)}
    return figure


def _past_of(past: Past | None, workflow: tuple[str, str]) -> PastRuns | None:
    return None if past is None else past.workflows.get(workflow, PastRuns())


def _workflow_of(execution: Raw) -> tuple[str, str]:
    return execution["metadata"].get("namespace", ""), execution["spec"]["workflow"]


def _rank(ordered: Sequence[float], percent: int) -> float:
    return ordered[-(-len(ordered) * percent // 100) - 1]


def _records(execution: Raw) -> Mapping[str, Mapping[str, Any]]:
    return (execution.get("status") or {}).get("nodes") or {}


def _is_forbidden(execution: Raw) -> bool:
    reason = (execution.get("status") or {}).get("reason")
    return bool(reason == Reason.CONCURRENCY_FORBIDDEN)


def _times(executions: Iterable[Raw]) -> Iterable[float]:
    found = (_between(one.get("status") or {}) for one in executions)
    return (seconds for seconds in found if seconds is not None)


def _between(record: Mapping[str, Any]) -> float | None:
    if not record.get("startedAt") or not record.get("finishedAt"):
        return None
    return max(0.0, from_rfc3339(record["finishedAt"]) - from_rfc3339(record["startedAt"]))


def _waiting(execution: Raw) -> list[Mapping[str, Any]]:
    if has_ended(execution):
        return []
    records = _records(execution).values()
    return [one for one in records if one["phase"] == "Waiting" and one.get("reason") in REASONS]


def _is_approval(record: Mapping[str, Any]) -> bool:
    """Whether the record is of an approval that has ended."""
    return record.get("reason") in _ENDED or "decision" in (record.get("outputs") or {})


def _approval_times(executions: Iterable[Raw], now: float) -> Iterable[float]:
    """Seconds for which approvals have waited, those that still wait included."""
    for execution in executions:
        for record in _waiting(execution):
            yield max(0.0, now - from_rfc3339(record["startedAt"]))
        for record in _records(execution).values():
            seconds = _between(record)
            if seconds is not None and _is_approval(record):
                yield seconds
