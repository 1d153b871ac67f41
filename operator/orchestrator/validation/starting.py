"""Reasons to refuse the start of a Workflow, shared by `orchestrator run` and the admission
webhook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import Problem
from orchestrator.validation.variables import resolve_variables

_NOT_STARTED = ("Inactive", "Archived")
"""States of a Workflow that prevent a start."""
_INVALID = Reason.INVALID_SPEC
"""The reason of a Ready condition that waiting does not change."""


def refused_state(name: str, spec: Mapping[str, Any]) -> str:
    """Why the Workflow's state prevents a start; empty if it does not."""
    state = spec.get("state", "Active")
    if state not in _NOT_STARTED:
        return ""
    return f"Workflow {name} is {state} and cannot be started; set spec.state to Active"


def refused_variables(name: str, spec: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Why the Workflow does not accept these variables; empty if it does."""
    problems = problems_of_variables(spec, values)
    return list_variables(name, problems) if problems else ""


def problems_of_variables(spec: Mapping[str, Any], values: Mapping[str, Any]) -> Sequence[Problem]:
    """What is wrong with variables for a Workflow of this spec.

    An invalid Workflow is left to the operator: a newer release may accept it.
    """
    parsed = parse(WorkflowSpec, dict(spec))
    if not isinstance(parsed, WorkflowSpec):
        return ()
    return resolve_variables(parsed, values)[1]


def list_variables(name: str, problems: Sequence[Problem]) -> str:
    """The message for variables that the Workflow does not accept, a line for each."""
    lines = (
        f"  {problem.path.removeprefix('spec.variables.')}: {problem.message}"
        for problem in problems
    )
    return "\n".join([f"invalid variables of {name}:", *lines])


def refused_as_invalid(workflow: Mapping[str, Any]) -> str | None:
    """Why the Ready condition of a Workflow prevents a start; empty if it does not, None if the
    operator has not observed this generation."""
    metadata = workflow["metadata"]
    conditions = (workflow.get("status") or {}).get("conditions") or ()
    ready = next((one for one in conditions if one.get("type") == "Ready"), None)
    if ready is None or ready.get("observedGeneration") != metadata.get("generation"):
        return None
    return invalid(metadata["name"], ready["message"]) if ready.get("reason") == _INVALID else ""


def invalid(name: str, problem: str) -> str:
    """The message for an invalid Workflow, which is not started."""
    return f"Workflow {name} is not valid, so nothing was started:\n  {problem}"
