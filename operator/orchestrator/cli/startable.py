"""Whether a Workflow can be started, reported before anything is created."""

from __future__ import annotations

from orchestrator.cli.connection import Cluster, Raw
from orchestrator.cli.errors import InvalidWorkflowError, UsageError
from orchestrator.cli.kinds import WORKFLOWS
from orchestrator.validation.starting import invalid, refused_as_invalid, refused_state


def check_state(workflow: Raw) -> None:
    """Raises UsageError for a Workflow that nothing starts."""
    if refusal := refused_state(workflow["metadata"]["name"], workflow["spec"]):
        raise UsageError(refusal)


def check_valid(cluster: Cluster, workflow: Raw) -> None:
    """Raises InvalidWorkflowError for a Workflow of which every run would fail.

    The operator's judgement counts; where it has not judged this generation, its own rules do.
    """
    refusal = refused_as_invalid(workflow)
    if refusal is None:
        problem = _own_judgement(cluster, workflow)
        refusal = invalid(workflow["metadata"]["name"], problem) if problem else ""
    if refusal:
        raise InvalidWorkflowError(refusal)


def _own_judgement(cluster: Cluster, workflow: Raw) -> str:
    from orchestrator.cli.checking import check_documents
    from orchestrator.cli.manifests import Document

    document = Document("", workflow, WORKFLOWS)
    prefix = document.says("")
    return "\n  ".join(
        problem.removeprefix(prefix) for problem in check_documents([document], cluster).problems
    )
