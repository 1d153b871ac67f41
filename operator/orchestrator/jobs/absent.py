"""Attempts whose Job or sub-execution does not exist: refused, held up, not observed yet, or
deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.children.sub_execution import MAX_DEPTH
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.jobs.pending import missing_account, quota_message
from orchestrator.jobs.refusal import JobRefused
from orchestrator.models.labels import ALLOW_WORKFLOWS
from orchestrator.models.reasons import Reason

REFUSALS = (400, 403, 404, 422)
"""Status codes that refuse a creation, rather than postpone it."""
_PERMANENT = (400, 422)
"""Status codes that the same manifest would get again."""


def refused_by_server(reason: Reason, status: int, message: str, namespace: str) -> Attempt:
    """The attempt for a creation that the API server refused; a used up quota may be freed."""
    if quota := quota_message(message, namespace):
        return _held_up(Reason.QUOTA_EXCEEDED, quota)
    return _failed(reason, message, permanent=status in _PERMANENT)


def refused_by_template(error: JobRefused) -> Attempt:
    """The Template cannot be rendered to a Job."""
    return _failed(error.reason, str(error), permanent=True)


def refused_account(account: Mapping[str, Any] | None, name: str, namespace: str) -> Attempt | None:
    """Why an action may not use a service account; None if it may.

    Only accounts with our label may be used: otherwise any user who may write a Workflow could use
    any account in the namespace, without the right to create pods directly.
    """
    if account is None:
        return _held_up(Reason.SERVICE_ACCOUNT_MISSING, missing_account(name, namespace))
    if (account["metadata"].get("labels") or {}).get(ALLOW_WORKFLOWS) == "true":
        return None
    message = (
        f"service account {name} does not allow workflows; its owner can allow them: "
        f"kubectl -n {namespace} label serviceaccount {name} {ALLOW_WORKFLOWS}=true"
    )
    return _failed(Reason.SERVICE_ACCOUNT_NOT_ALLOWED, message, permanent=False)


def refused_depth() -> Attempt:
    """Its sub-execution would be nested too deep."""
    message = f"sub-workflows are nested more than {MAX_DEPTH} deep"
    return _failed(Reason.DEPTH_EXCEEDED, message, permanent=True)


def name_taken(kind: str, name: str) -> Attempt:
    """Another object has the name that the attempt needs."""
    message = f"a {kind} named {name} exists that is not this execution's; delete it and run again"
    return _failed(Reason.NAME_TAKEN, message, permanent=True)


def child_names_taken(name: str) -> Attempt:
    """Other executions have taken every name of its sub-execution; `name` is the last one."""
    message = f"an execution named {name} exists that is not this one's"
    return _failed(Reason.NAME_TAKEN, message, permanent=True)


def not_seen_yet(job: str) -> Attempt:
    """Its Job was created a moment ago."""
    return Attempt(AttemptState.PENDING, reason=Reason.JOB_CREATED, job=job)


def deleted(job: str) -> Attempt:
    """Its Job was deleted."""
    message = f"Job {job} was deleted by others before it ended"
    return Attempt(AttemptState.FAILED, Reason.JOB_DELETED, message, job=job)


def child_deleted(name: str) -> Attempt:
    """Its sub-execution was deleted."""
    message = f"sub-execution {name} was deleted by others before it ended"
    return _failed(Reason.SUB_WORKFLOW_DELETED, message, permanent=True)


def _failed(reason: str, message: str, *, permanent: bool) -> Attempt:
    return Attempt(AttemptState.FAILED, reason, message, permanent=permanent)


def _held_up(reason: str, message: str) -> Attempt:
    return Attempt(AttemptState.PENDING, reason, message)
