"""Pauses, resumes, cancels and terminates executions, for users and for parents."""

from __future__ import annotations

from orchestrator.operations.errors import conflict
from orchestrator.operations.executions import end_of, has_ended
from orchestrator.operations.writes import EXECUTION, Merge, Raw, Unchanged

MANAGER = "control-"
"""Prefix of the field manager with which users write, followed by the user's name."""
MAX_MANAGER = 128
"""Maximum bytes of a field manager's name."""
_STRENGTH = {"Running": 0, "Paused": 0, "Cancelled": 1, "Terminated": 2}


def desired_state(execution: Raw) -> str:
    """The requested state of the execution."""
    return str(execution["spec"].get("desiredState", "Running"))


def may_become(execution: Raw, state: str) -> bool:
    """Whether a state can be requested that is not requested yet: a weaker one cannot."""
    now = desired_state(execution)
    stronger = _STRENGTH[state] > _STRENGTH[now]
    return stronger or (_STRENGTH[state] == _STRENGTH[now] == 0 and state != now)


def set_desired_state(execution: Raw, state: str, *, by: str) -> Merge | Unchanged:
    """Request a state of an execution in the name of a user, who may be unknown.

    Raises CommandError if a stronger one was requested before.
    """
    name, now = execution["metadata"]["name"], desired_state(execution)
    if has_ended(execution):
        return Unchanged(end_of(execution))
    if now == state:
        return Unchanged(f"already has the desired state {state}")
    if not may_become(execution, state):
        message = f"{name} has the desired state {now}, which cannot be undone"
        raise conflict("spec.desiredState", message)
    return Merge(EXECUTION, name, {"spec": {"desiredState": state}}, _manager(by))


def _manager(by: str) -> str:
    """The field manager that records the user; none if it cannot contain the user's name."""
    manager = f"{MANAGER}{by}" if by else ""
    return manager if len(manager.encode()) <= MAX_MANAGER and manager.isprintable() else ""
