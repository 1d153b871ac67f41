"""Status fields and Events that are written when an execution's phase changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.engine.decisions import Announce, Ending
from orchestrator.engine.status.conditions import execution_conditions
from orchestrator.engine.status.execution_status import ending_patch
from orchestrator.engine.status.records import clip
from orchestrator.engine.times import in_words, to_rfc3339
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.reasons import EventReason, Reason

MAX_MESSAGE = 4000
"""Bytes of an execution's message."""
_EVENTS = {
    ExecutionPhase.SUCCEEDED: EventReason.SUCCEEDED,
    ExecutionPhase.FAILED: EventReason.FAILED,
    ExecutionPhase.TIMED_OUT: EventReason.TIMED_OUT,
    ExecutionPhase.CANCELLED: EventReason.CANCELLED,
}
Conditions = Sequence[Mapping[str, Any]]


def goes_on_patch(
    phase: ExecutionPhase, generation: int, now: float, old: Conditions
) -> dict[str, Any]:
    """The status fields to write when the execution begins, pauses or resumes."""
    paused = phase is ExecutionPhase.PAUSED
    reason = Reason.PAUSED if paused else Reason.ADMITTED
    message = "paused: nothing new starts" if paused else "running"
    conditions = execution_conditions(phase, reason, message, generation, now, old)
    return {"reason": reason, "message": message, "conditions": conditions}


def end_patch(ending: Ending, generation: int, now: float, old: Conditions) -> dict[str, Any]:
    """The status fields to write when the execution ends."""
    patch = ending_patch(ending, now)
    patch["conditions"] = execution_conditions(
        ending.phase, patch["reason"], patch["message"], generation, now, old
    )
    return patch


def unadmitted_patch(
    raw: Mapping[str, Any],
    phase: ExecutionPhase,
    reason: str,
    message: str,
    now: float,
    ending: Ending | None = None,
) -> dict[str, Any]:
    """The status of an execution that waits for its admission, or ends without one."""
    generation, old = raw["metadata"]["generation"], (raw.get("status") or {}).get("conditions")
    finished = {} if ending is None else ending_patch(ending, now)
    return {
        "observedGeneration": generation,
        "phase": phase.value,
        "reason": reason,
        "message": clip(message, MAX_MESSAGE),
        "conditions": execution_conditions(phase, reason, message, generation, now, old or []),
        **finished,
    }


def reports(raw: Mapping[str, Any], reason: str, message: str) -> bool:
    """Whether the status of an execution already has this reason and message."""
    status = raw.get("status") or {}
    return status.get("reason") == reason and status.get("message") == message


def end_announced(ending: Ending, started_at: float | None, now: float) -> Announce:
    """The Event for the end; without `started_at`, the execution never started."""
    took = "" if started_at is None else f" after {in_words(now - started_at)}"
    message = f"ended {ending.phase.value}{took}: {ending.message}"
    return Announce(_EVENTS[ending.phase], message)


def admission_announced(nodes: int, revision: str) -> Announce:
    """The Event for the beginning, with the number of nodes."""
    message = f"runs {nodes} node{'' if nodes == 1 else 's'}, revision {revision}"
    return Announce(EventReason.ADMITTED, message)


def ended_status(ending: Ending, revision: str, now: float) -> dict[str, Any]:
    """The fields of the stored status that retention uses."""
    return {
        "phase": ending.phase.value,
        "reason": ending.reason,
        "finishedAt": to_rfc3339(now),
        "revision": revision,
    }
