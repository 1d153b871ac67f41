"""A Workflow's figures, in which each ended execution counts exactly once.

The counted executions are stored in the same write as the figures: the newest one by one, older
ones by a mark. A mark orders executions by end time and then by uid, so that everything at or below
the mark is known to be counted, and the list stays short.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.engine.times import to_rfc3339
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import Durations, LastExecution, WorkflowMetrics

MAX_COUNTED = 500
"""Executions remembered one by one."""
MAX_RECENT = 100
"""Executions whose durations are summed up."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An execution that ended; times in seconds since the epoch."""

    uid: str
    name: str
    phase: ExecutionPhase
    reason: str
    started_at: float | None
    """When it was admitted; None if it never was, so that it has no duration."""
    finished_at: float

    @property
    def mark(self) -> str:
        """Orders executions by their end; the timestamp has a fixed width."""
        return f"{to_rfc3339(self.finished_at)}/{self.uid}"


def count(metrics: WorkflowMetrics, executions: Iterable[Ended]) -> WorkflowMetrics:
    """The figures with the executions that were not counted yet; the same object if there are
    none."""
    counted = {mark.rpartition("/")[2] for mark in metrics.counted}
    new: dict[str, Ended] = {}
    for ended in executions:
        if ended.uid not in counted and ended.mark > (metrics.counted_before or ""):
            new[ended.uid] = ended
    if not new:
        return metrics
    return _add(metrics, sorted(new.values(), key=lambda ended: ended.mark))


def _add(metrics: WorkflowMetrics, new: list[Ended]) -> WorkflowMetrics:
    phases = Counter(metrics.executions) + Counter(ended.phase.value for ended in new)
    total = metrics.total + len(new)
    durations = [seconds for seconds in map(_duration, new) if seconds is not None]
    recent = [*metrics.recent, *durations][-MAX_RECENT:]
    marks = sorted([*metrics.counted, *(ended.mark for ended in new)])
    refused = sum(ended.reason == Reason.CONCURRENCY_FORBIDDEN for ended in new)
    forbidden = metrics.forbidden + refused
    rated = total - forbidden
    evicted, kept = marks[:-MAX_COUNTED], marks[-MAX_COUNTED:]
    return WorkflowMetrics(
        total=total,
        executions=dict(sorted(phases.items())),
        forbidden=forbidden,
        success_rate=round(phases[ExecutionPhase.SUCCEEDED.value] / rated, 4) if rated else 0,
        duration_seconds=_durations(recent),
        recent=recent,
        counted=kept,
        counted_before=max([*evicted[-1:], *filter(None, [metrics.counted_before])], default=None),
        last_execution=_last(metrics.last_execution, new[-1]),
    )


def _duration(ended: Ended) -> float | None:
    if ended.started_at is None:
        return None
    return round(max(0.0, ended.finished_at - ended.started_at), 3)


def _durations(recent: list[float]) -> Durations:
    if not recent:
        return Durations()
    ordered = sorted(recent)
    return Durations(
        average=round(sum(ordered) / len(ordered), 3),
        p50=_percentile(ordered, 50),
        p95=_percentile(ordered, 95),
    )


def _percentile(ordered: list[float], percent: int) -> float:
    """By nearest rank: the smallest value that this share of all values does not exceed."""
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def _last(old: LastExecution | None, newest: Ended) -> LastExecution:
    finished_at = to_rfc3339(newest.finished_at)
    if old is not None and (old.finished_at, old.uid) > (finished_at, newest.uid):
        return old
    return LastExecution(
        name=newest.name, uid=newest.uid, phase=newest.phase.value, finished_at=finished_at
    )
