"""`explain`: why an execution and its nodes are in their states."""

from __future__ import annotations

import sys
import time

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.errors import ForbiddenError, UsageError
from orchestrator.cli.pauses import describe_pause
from orchestrator.cli.printing import read_format
from orchestrator.cli.revision_spec import read_workflow
from orchestrator.cli.terminal import say
from orchestrator.engine.explain import explain_execution, explain_nodes, explain_records
from orchestrator.engine.graph import Graph
from orchestrator.engine.lifecycle.revision import thaw
from orchestrator.kube.resources import CONTROLLER_REVISIONS, EXECUTIONS
from orchestrator.models.nearest import did_you_mean


def explain(target: Target, name: str, node: str | None, output: str | None) -> int:
    """Explain an execution, or one of its nodes."""
    wanted = read_format(output)
    if wanted.name in ("name", "wide"):
        raise UsageError(f"-o {output}: write json, yaml or jsonpath=TEMPLATE")
    cluster = target.connect()
    execution = cluster.get(EXECUTIONS, name)
    name = execution["metadata"]["name"]
    now = time.time()
    whole = explain_execution(execution, now)
    nodes: dict[str, str] = {}
    try:
        graph = _graph(cluster, execution)
        if graph is not None:
            nodes = explain_nodes(execution, graph, now)
    except ForbiddenError as error:
        why = "the workflow that it runs cannot be read, so only its status is explained"
        say(f"{why}: {error}", file=sys.stderr)
        nodes = explain_records(execution)
    if node is not None:
        if node not in nodes:
            unknown = f"{name} has no node {node}{did_you_mean(node, nodes)}"
            raise UsageError(unknown if nodes else whole)
        nodes = {node: nodes[node]}
    if not wanted.table:
        wanted.show({"execution": whole, "nodes": nodes})
        return 0
    if node is None:
        say(whole)
        if (execution.get("status") or {}).get("phase") == "Paused":
            say(f"Paused {describe_pause(execution, read_workflow(cluster, execution))}")
    for sentence in nodes.values():
        say(sentence if node else f"  {sentence}")
    return 0


def _graph(cluster: Cluster, execution: Raw) -> Graph | None:
    """The graph of the execution; None before it is admitted."""
    revision = (execution.get("status") or {}).get("revision")
    if not revision:
        return None
    raw = cluster.get(CONTROLLER_REVISIONS, revision)
    try:
        return thaw(revision, raw["data"])
    except ValueError as error:
        raise UsageError(str(error)) from error
