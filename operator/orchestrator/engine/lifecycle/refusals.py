"""Reasons and messages of executions that end before they run, or cannot continue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.lifecycle.admission import Missing, Refusal
from orchestrator.engine.lifecycle.revision import OtherVersionError
from orchestrator.models.execution import DesiredState, ExecutionPhase
from orchestrator.models.reasons import Reason


def cancelled_early(raw: Mapping[str, Any]) -> Refusal | None:
    """Ends an execution that was cancelled before it started, or replaced between its slot and its
    admission."""
    if raw["spec"].get("desiredState") in (DesiredState.CANCELLED, DesiredState.TERMINATED):
        message = "the execution was cancelled before it started"
        return Refusal(Reason.CANCEL_REQUESTED, message, ExecutionPhase.CANCELLED)
    if requested := (raw.get("status") or {}).get("cancelRequested"):
        reason, message = requested.get("reason") or Reason.REPLACED, requested.get("message", "")
        return Refusal(reason, message, ExecutionPhase.CANCELLED)
    return None


def workflow_missing(workflow: str, namespace: str) -> Missing:
    """Its Workflow does not exist."""
    return Missing(Reason.WORKFLOW_NOT_FOUND, f"there is no Workflow {workflow} in {namespace}")


def still_missing(missing: Missing) -> Refusal:
    """Its Workflow or one of its Templates was not created in time."""
    return Refusal(missing.reason, f"{missing.message}; waited one minute")


def server_refuses(message: str) -> Missing:
    """The API server refuses an object that its admission requires; it may accept it later."""
    return Missing(Reason.ADMISSION_REFUSED, f"the API server refuses: {message}")


def parent_gone(name: str) -> Refusal:
    """The parent execution was deleted."""
    return Refusal(Reason.PARENT_GONE, f"its parent {name} was deleted", ExecutionPhase.CANCELLED)


def parent_revision_gone(revision: str) -> Refusal:
    """The parent's revision was deleted."""
    message = f"ControllerRevision {revision} of its parent was deleted"
    return Refusal(Reason.REVISION_LOST, message)


def revision_lost(error: ValueError) -> Refusal:
    """Its frozen workflow was deleted or changed, or another version wrote it."""
    other = isinstance(error, OtherVersionError)
    return Refusal(Reason.OTHER_VERSION if other else Reason.REVISION_LOST, str(error))


def revision_taken(error: ValueError) -> Refusal:
    """A ControllerRevision with the required name has other content."""
    return Refusal(Reason.NAME_TAKEN, f"{error}; delete it and run again")


def status_invalid(error: ValueError) -> Refusal:
    """Its status was edited and is inconsistent."""
    return Refusal(Reason.STATUS_INVALID, str(error))
