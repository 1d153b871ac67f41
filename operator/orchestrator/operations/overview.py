"""Figures over executions: by outcome and Workflow, durations, nodes, and time that people take."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
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


def figures(executions: Sequence[Raw], now: float) -> dict[str, Any]:
    """Counts, success rate, durations in seconds and what is active now.

    Executions that a concurrency limit forbade are no part of the success rate, as in the metrics
    of a Workflow.
    """
    phases = Counter(map(phase_of, executions))
    ended = [one for one in executions if has_ended(one)]
    counted = [one for one in ended if not _is_forbidden(one)]
    succeeded = sum(phase_of(one) == "Succeeded" for one in counted)
    return {
        "executions": len(executions),
        "byPhase": dict(sorted(phases.items())),
        "successRate": succeeded / len(counted) if counted else 0.0,
        "durationSeconds": durations(_times(ended)),
        "runningNow": len(executions) - len(ended),
        "approvalsWaiting": sum(len(_waiting(one)) for one in executions),
        "approvalSeconds": durations(_approval_times(executions, now)),
    }


def by_workflow(executions: Sequence[Raw], now: float) -> list[dict[str, Any]]:
    """The same for each Workflow, the one with the most executions first."""
    grouped: dict[tuple[str, str], list[Raw]] = defaultdict(list)
    for one in executions:
        grouped[one["metadata"].get("namespace", ""), one["spec"]["workflow"]].append(one)
    rows = [
        {"namespace": namespace, "workflow": workflow, **figures(group, now)}
        for (namespace, workflow), group in grouped.items()
    ]
    return sorted(rows, key=lambda row: (-row["executions"], row["namespace"], row["workflow"]))


def slowest_nodes(executions: Iterable[Raw]) -> list[dict[str, Any]]:
    """The nodes whose runs take longest on average."""
    times: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for one in executions:
        for node, record in _records(one).items():
            seconds = _between(record)
            if seconds is not None:
                key = one["metadata"].get("namespace", ""), one["spec"]["workflow"], node
                times[key].append(seconds)
    rows = [
        {"namespace": namespace, "workflow": workflow, "node": node, **durations(found)}
        for (namespace, workflow, node), found in times.items()
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
