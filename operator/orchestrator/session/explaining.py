"""Explains why an execution and its nodes are in their states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.engine.explain import explain_execution, explain_nodes, explain_records
from orchestrator.engine.graph import Graph
from orchestrator.kube.resources import CONTROLLER_REVISIONS
from orchestrator.models.nearest import did_you_mean
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.errors import ForbiddenError, NotFoundError, UsageError
from orchestrator.session.revisions import thawed


@dataclass(frozen=True, slots=True)
class Explanation:
    """Sentences about an execution and its nodes."""

    execution: str
    nodes: Mapping[str, str]
    """By node; those that have started if the workflow cannot be read."""
    unread: str = ""
    """Why only the status is explained; empty if the workflow can be read."""


def explain_on_cluster(
    cluster: Cluster, execution: Raw, node: str | None, now: float
) -> Explanation:
    """Explain an execution, or one of its nodes; `now` in seconds since the epoch.

    Raises NotFoundError with the nearest name if there is no such node.
    """
    whole = explain_execution(execution, now)
    nodes: Mapping[str, str] = {}
    unread = ""
    try:
        graph = _graph(cluster, execution)
        if graph is not None:
            nodes = explain_nodes(execution, graph, now)
    except (ForbiddenError, NotFoundError) as error:
        why = "the workflow that it runs cannot be read, so only its status is explained"
        unread = f"{why}: {error}"
        nodes = explain_records(execution)
    if node is not None:
        if node not in nodes:
            name = execution["metadata"]["name"]
            unknown = f"{name} has no node {node}{did_you_mean(node, nodes)}"
            raise NotFoundError(unknown if nodes else whole)
        nodes = {node: nodes[node]}
    return Explanation(whole, nodes, unread)


def _graph(cluster: Cluster, execution: Raw) -> Graph | None:
    """The graph of the execution; None before it is admitted."""
    revision = (execution.get("status") or {}).get("revision")
    if not revision:
        return None
    raw = cluster.get(CONTROLLER_REVISIONS, revision)
    try:
        return thawed(cluster, revision, raw["data"])
    except ValueError as error:
        raise UsageError(str(error)) from error
