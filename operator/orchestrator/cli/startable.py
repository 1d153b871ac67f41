"""Whether a Workflow can be started, reported before anything is created."""

from __future__ import annotations

from orchestrator.cli.connection import Cluster, Raw
from orchestrator.cli.errors import InvalidWorkflowError, UsageError
from orchestrator.cli.kinds import WORKFLOWS
from orchestrator.models.reasons import Reason

_NOT_STARTED = ("Inactive", "Archived")
"""States of a Workflow in which nothing starts it."""
_INVALID = Reason.INVALID_SPEC
"""The reason of a condition Ready that no wait changes."""


def check_state(workflow: Raw) -> None:
    """Raises UsageError for a Workflow that nothing starts."""
    state = workflow["spec"].get("state", "Active")
    if state in _NOT_STARTED:
        raise UsageError(
            f"Workflow {workflow['metadata']['name']} is {state}, so nothing starts it;"
            " set spec.state to Active"
        )


def check_valid(cluster: Cluster, workflow: Raw) -> None:
    """Raises InvalidWorkflowError for a Workflow of which every run would fail.

    The operator's judgement counts; where it has not judged this generation, its own rules do.
    """
    metadata = workflow["metadata"]
    ready = _ready(workflow)
    if ready is not None and ready.get("observedGeneration") == metadata.get("generation"):
        problem = ready["message"] if ready.get("reason") == _INVALID else ""
    else:
        problem = _own_judgement(cluster, workflow)
    if problem:
        raise InvalidWorkflowError(
            f"Workflow {metadata['name']} is not valid, so nothing was started:\n  {problem}"
        )


def _ready(workflow: Raw) -> Raw | None:
    conditions = (workflow.get("status") or {}).get("conditions") or ()
    return next((one for one in conditions if one["type"] == "Ready"), None)


def _own_judgement(cluster: Cluster, workflow: Raw) -> str:
    from orchestrator.cli.checking import check_documents
    from orchestrator.cli.manifests import Document

    document = Document("", workflow, WORKFLOWS)
    prefix = document.says("")
    return "\n  ".join(
        problem.removeprefix(prefix) for problem in check_documents([document], cluster).problems
    )
