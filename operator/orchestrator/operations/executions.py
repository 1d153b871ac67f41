"""Properties of an execution that several operations read."""

from __future__ import annotations

from orchestrator.operations.errors import conflict
from orchestrator.operations.records import is_from_history
from orchestrator.operations.writes import Raw

ENDED = ("Succeeded", "Failed", "TimedOut", "Cancelled")
"""The final phases of ExecutionPhase: importing the model takes longer than a command such as
`pause`."""


def phase_of(execution: Raw) -> str:
    """The phase; Pending until the operator has written one."""
    return str((execution.get("status") or {}).get("phase") or "Pending")


def has_ended(execution: Raw) -> bool:
    """Whether the phase is final."""
    return phase_of(execution) in ENDED


def check_runs(execution: Raw) -> None:
    """Raises CommandError for an execution that has ended."""
    if has_ended(execution):
        raise conflict("status.phase", f"{execution['metadata']['name']} {end_of(execution)}")


def end_of(execution: Raw) -> str:
    """Why an ended execution does not change any more."""
    where = ", and only the history has it" if is_from_history(execution) else ""
    return f"has already ended: {phase_of(execution)}{where}"


def is_child_of(execution: Raw, uid: str) -> bool:
    """Whether it is a sub-execution of the one with this uid: only holders of `trigger` can set
    spec.parent."""
    return bool((execution["spec"].get("parent") or {}).get("uid") == uid)
