"""Records of the history: executions that ended, and whose objects have been removed."""

from __future__ import annotations

from orchestrator.operations.errors import conflict
from orchestrator.operations.writes import Raw

FROM_HISTORY = "fromHistory"
"""The field that marks a record; no object of the API server has it."""
NOT_KEPT = "(not kept: the execution was never admitted)"
"""In place of the value of each variable of an execution that was never admitted."""


def is_from_history(execution: Raw) -> bool:
    """Whether the cluster does not have the execution's object any more."""
    return FROM_HISTORY in execution


def removed(execution: Raw) -> str:
    """Why a record cannot be changed."""
    name = execution["metadata"]["name"]
    return f"{name} has ended and its object has been removed; the history keeps its record only"


def check_there(execution: Raw) -> None:
    """Raises CommandError for a record."""
    if is_from_history(execution):
        raise conflict("metadata", removed(execution))
