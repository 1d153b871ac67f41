"""Attempts known only to exist; and a fan-out with its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.jobs.outputs import OutputsProblem
from orchestrator.models.reasons import Reason


def existing_job(job: Mapping[str, Any]) -> Attempt:
    """A Job as evidence only that it exists."""
    spec, name = job["spec"], job["metadata"]["name"]
    items = spec["completions"] if spec.get("completionMode") == "Indexed" else None
    return Attempt(AttemptState.PENDING, reason=Reason.JOB_CREATED, job=name, items=items)


def existing_child(name: str) -> Attempt:
    """A sub-execution as evidence only that it exists."""
    return Attempt(AttemptState.PENDING, reason=Reason.SUB_WORKFLOW_CREATED, execution=name)


def with_outputs(attempt: Attempt, gathered: Mapping[str, Any] | OutputsProblem) -> Attempt:
    """A fan-out that succeeded, with its items' gathered outputs, or failed because of them."""
    if not isinstance(gathered, OutputsProblem):
        return replace(attempt, outputs=gathered)
    return replace(
        attempt,
        state=AttemptState.FAILED,
        reason=gathered.reason,
        message=gathered.message,
        permanent=True,
    )
