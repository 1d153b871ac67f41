"""Why a Workflow is not started as somebody asks for it: `orchestrator run` and the admission
webhook report the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.validation.parse import parse
from orchestrator.validation.variables import resolve_variables

_NOT_STARTED = ("Inactive", "Archived")
"""States of a Workflow in which nothing starts it."""
_INVALID = Reason.INVALID_SPEC
"""The reason of a condition Ready that no wait changes."""


def refused_state(name: str, spec: Mapping[str, Any]) -> str:
    """Why the Workflow's state does not let it start; empty when it does."""
    state = spec.get("state", "Active")
    if state not in _NOT_STARTED:
        return ""
    return f"Workflow {name} is {state}, so nothing starts it; set spec.state to Active"


def refused_variables(name: str, spec: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Why the Workflow does not take these variables; empty when it does.

    A Workflow that is itself not valid is the operator's to judge: it may be of a newer release.
    """
    parsed = parse(WorkflowSpec, dict(spec))
    if not isinstance(parsed, WorkflowSpec):
        return ""
    _, problems = resolve_variables(parsed, values)
    if not problems:
        return ""
    lines = "\n".join(
        f"  {problem.path.removeprefix('spec.variables.')}: {problem.message}"
        for problem in problems
    )
    return f"the variables are not what {name} asks for:\n{lines}"


def refused_as_invalid(workflow: Mapping[str, Any]) -> str | None:
    """What the operator's own judgement of a Workflow says against starting it; empty where that
    says nothing, None where it is not of this generation."""
    metadata = workflow["metadata"]
    conditions = (workflow.get("status") or {}).get("conditions") or ()
    ready = next((one for one in conditions if one.get("type") == "Ready"), None)
    if ready is None or ready.get("observedGeneration") != metadata.get("generation"):
        return None
    return invalid(metadata["name"], ready["message"]) if ready.get("reason") == _INVALID else ""


def invalid(name: str, problem: str) -> str:
    """That a Workflow is not started because of what is wrong with it."""
    return f"Workflow {name} is not valid, so nothing was started:\n  {problem}"
