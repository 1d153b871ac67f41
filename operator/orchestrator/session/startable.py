"""Builds executions of a Workflow after all checks that are possible beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.kube.resources import WORKFLOWS
from orchestrator.operations.start import start_workflow
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.errors import InvalidWorkflowError, in_options
from orchestrator.session.long_work import long_work
from orchestrator.validation.starting import invalid, refused_as_invalid


def startable(
    cluster: Cluster, workflow: Raw, variables: Mapping[str, Any], name: str | None = None
) -> Raw:
    """The execution of a Workflow on the cluster, in the user's name. Raises UsageError.

    The operator's result for the Workflow counts; if it has not validated this generation, the same
    rules are applied here.
    """
    with in_options():
        manifest = start_workflow(workflow, variables, requester=cluster.user, name=name or "")
    check_unjudged(cluster, workflow)
    return manifest


def check_unjudged(cluster: Cluster, workflow: Raw) -> None:
    """Raises InvalidWorkflowError for an invalid Workflow that the operator has not validated
    yet."""
    if refused_as_invalid(workflow) is None and (problem := _own_judgement(cluster, workflow)):
        raise InvalidWorkflowError(invalid(workflow["metadata"]["name"], problem))


def _own_judgement(cluster: Cluster, workflow: Raw) -> str:
    from orchestrator.session.checking import check_documents
    from orchestrator.session.manifests import Document

    document = Document("", workflow, WORKFLOWS)
    prefix = document.says("")
    with long_work(cluster, workflow["spec"]):
        problems = check_documents([document], cluster).problems
    return "\n  ".join(problem.removeprefix(prefix) for problem in problems)
