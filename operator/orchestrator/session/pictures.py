"""Pictures of Workflows and executions on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestrator.drawing.model import Picture, picture_of
from orchestrator.drawing.svg import to_svg
from orchestrator.drawing.text import to_dot, to_mermaid
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.errors import UsageError
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
    """The graph that an execution runs, its nodes coloured by phase. Raises UsageError if the user
    may not read it."""
    name = execution["metadata"]["name"]
    workflow = read_workflow(cluster, execution)
    if not workflow:
        raise UsageError(f"neither the revision nor the Workflow of {name} can be read")
    records = (execution.get("status") or {}).get("nodes") or {}
    return picture_of(name, workflow, records)
