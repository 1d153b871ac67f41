"""Pictures of Workflows and executions on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestrator.drawing.model import Picture, picture_of
from orchestrator.drawing.svg import to_svg
from orchestrator.drawing.text import to_dot, to_mermaid
from orchestrator.kube.resources import WORKFLOWS
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.revisions import read_workflow

FORMATS: Mapping[str, Callable[[Picture], str]] = {
    "mermaid": to_mermaid,
    "dot": to_dot,
    "svg": to_svg,
}


def picture_of_workflow(workflow: Raw) -> Picture:
    """The graph of a Workflow."""
    return picture_of(workflow["metadata"]["name"], workflow["spec"])


def picture_of_execution(cluster: Cluster, execution: Raw) -> Picture:
    """The graph that an execution runs, its nodes coloured by phase.

    Raises UsageError as `Cluster.get` does for the Workflow, if neither that nor the revision can
    be read.
    """
    workflow = read_workflow(cluster, execution)
    if not workflow:
        workflow = cluster.get(WORKFLOWS, execution["spec"]["workflow"])["spec"]
    records = (execution.get("status") or {}).get("nodes") or {}
    return picture_of(execution["metadata"]["name"], workflow, records)
