"""Retention: executions by their workflow's history, Jobs for a limited time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.engine.status.read import read_time
from orchestrator.engine.times import from_rfc3339
from orchestrator.models.base import parse_duration
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.labels import DEDUPE
from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import History

SPARED = 24 * 3600.0
"""Minimum retention in seconds for triggered executions, so a late redelivery is recognized as a
duplicate."""
MAX_SPARED = 5_000
"""Maximum number of executions of one trigger that are kept for that."""
UNREFERENCED = 3600.0
"""Seconds after which an unreferenced revision is removed."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An execution that has ended. Times in seconds since the epoch."""

    namespace: str
    workflow: str
    """The workflow whose history it counts in; empty if it found no Workflow: these share one
    history."""
    name: str
    uid: str
    phase: ExecutionPhase
    revision: str
    created_at: float
    finished_at: float
    child: bool
    """Whether it is a sub-execution, which is removed with its parent."""
    trigger: str
    """The trigger that created it; empty if none did."""
    deduplicates: bool = False
    """Whether it has a dedupe.key of its trigger."""


def stored_from(raw: Mapping[str, Any]) -> Stored | None:
    """An execution as read; None if it has not ended or cannot be read."""
    metadata, spec, status = raw["metadata"], raw["spec"], raw.get("status") or {}
    finished_at = ended_at(status)
    if finished_at is None:
        return None
    return Stored(
        namespace=metadata["namespace"],
        workflow=counted_as(spec["workflow"], status),
        name=metadata["name"],
        uid=metadata["uid"],
        phase=ExecutionPhase(status["phase"]),
        revision=status.get("revision") or "",
        created_at=from_rfc3339(metadata["creationTimestamp"]),
        finished_at=finished_at,
        child=bool(spec.get("parent")),
        trigger=(spec.get("trigger") or {}).get("name", ""),
        deduplicates=DEDUPE in (metadata.get("labels") or {}),
    )


def counted_as(workflow: str, status: Mapping[str, Any]) -> str:
    """The workflow that an ended execution counts for, in the history and in metrics.

    Empty if it ended without a revision because a Workflow is missing: users who can only start
    executions could invent such names, so all of a namespace share one history and one label.
    """
    found = status.get("revision") or status.get("reason") != Reason.WORKFLOW_NOT_FOUND
    return workflow if found else ""


def ended_at(status: Mapping[str, Any]) -> float | None:
    """When an execution ended, from its status; None if it has not, or if that is unknown."""
    try:
        terminal = ExecutionPhase(status["phase"]).terminal
        return read_time(status["finishedAt"], "status.finishedAt") if terminal else None
    except (KeyError, ValueError):
        return None


def to_remove(
    executions: Iterable[Stored],
    history: History,
    now: float,
    windows: Mapping[str, float] | None = None,
) -> list[Stored]:
    """The executions of one workflow beyond its history, oldest first.

    `windows`: seconds of the triggers' dedupe windows, by name; a missing one counts as a day.
    """
    counted = [one for one in executions if not one.child]
    if len(counted) <= min(history.succeeded, history.failed):
        return []
    kept_for_triggers = _spared(counted, now, windows or {})
    removed: list[Stored] = []
    for limit, succeeded in ((history.succeeded, True), (history.failed, False)):
        of_kind = [one for one in counted if _succeeded(one) is succeeded]
        of_kind.sort(key=lambda one: (one.finished_at, one.uid), reverse=True)
        removed += [one for one in of_kind[limit:] if one.uid not in kept_for_triggers]
    return sorted(removed, key=lambda one: (one.finished_at, one.uid))


def jobs_expired(execution: Stored, history: History, now: float) -> bool:
    """Whether the Jobs of an execution have been kept long enough."""
    return now >= execution.finished_at + parse_duration(history.keep_jobs)


def window_of(trigger: Mapping[str, Any] | None) -> float:
    """Seconds of a trigger's dedupe window; 0 without one, or if it cannot be read."""
    try:
        return parse_duration((trigger or {})["spec"]["dedupe"]["window"])
    except (KeyError, TypeError, ValueError):
        return 0.0


def _succeeded(execution: Stored) -> bool:
    return execution.phase is ExecutionPhase.SUCCEEDED


def _spared(executions: Iterable[Stored], now: float, windows: Mapping[str, float]) -> set[str]:
    by_trigger: dict[str, list[Stored]] = {}
    for one in executions:
        window = windows.get(one.trigger, 0.0) if one.deduplicates else 0.0
        if one.trigger and now < one.created_at + max(SPARED, window):
            by_trigger.setdefault(one.trigger, []).append(one)
    spared: set[str] = set()
    for made in by_trigger.values():
        made.sort(key=lambda one: one.created_at, reverse=True)
        spared.update(one.uid for one in made[:MAX_SPARED])
    return spared
