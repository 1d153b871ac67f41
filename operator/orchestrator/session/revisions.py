"""Reads the workflow that an execution runs, as a spec and as a graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.graph import Graph
from orchestrator.engine.lifecycle.revision import thaw
from orchestrator.kube.resources import CONTROLLER_REVISIONS, WORKFLOWS
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.errors import BusyError, UnreachableError, UsageError
from orchestrator.session.long_work import long_work


def read_workflow(cluster: Cluster, execution: Raw) -> Mapping[str, Any]:
    """The spec that an execution runs: from its revision, otherwise from the current Workflow.

    Empty if the user may read neither: permission to see executions does not include their specs.
    """
    revision = (execution.get("status") or {}).get("revision")
    try:
        frozen = cluster.find(CONTROLLER_REVISIONS, revision) if revision else None
        if frozen is not None:
            workflow: Mapping[str, Any] = frozen["data"]["workflow"]
            return workflow
    except UsageError:
        pass
    try:
        found = cluster.find(WORKFLOWS, execution["spec"]["workflow"])
    except UsageError:
        return {}
    return found["spec"] if found else {}


def load_graph(cluster: Cluster, execution: Raw) -> Graph | None:
    """The graph of an execution; None if the user may not read it."""
    revision = (execution.get("status") or {}).get("revision")
    if not revision:
        return None
    try:
        raw = cluster.find(CONTROLLER_REVISIONS, revision)
        return None if raw is None else thawed(cluster, revision, raw["data"])
    except (UnreachableError, BusyError):
        raise
    except (UsageError, ValueError):
        return None


def thawed(cluster: Cluster, revision: str, data: Any) -> Graph:
    """The graph of a revision. Raises ValueError if its content is another, and BusyError."""
    with long_work(cluster, data):
        return thaw(revision, data)
