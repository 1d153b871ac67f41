"""`explain`: why an execution and its nodes are in their states."""

from __future__ import annotations

import sys
import time

from orchestrator.cli.connection import Target
from orchestrator.cli.pauses import describe_pause
from orchestrator.cli.printing import read_format
from orchestrator.cli.terminal import say
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.operations.records import is_from_history, removed
from orchestrator.session.errors import UsageError
from orchestrator.session.explaining import explain_on_cluster
from orchestrator.session.revisions import read_workflow


def explain(target: Target, name: str, node: str | None, output: str | None) -> int:
    """Explain an execution, or one of its nodes."""
    wanted = read_format(output)
    if wanted.name in ("name", "wide"):
        raise UsageError(f"-o {output}: write json, yaml or jsonpath=TEMPLATE")
    cluster = target.connect()
    execution = cluster.get(EXECUTIONS, name)
    if is_from_history(execution):
        say(removed(execution), file=sys.stderr)
    explained = explain_on_cluster(cluster, execution, node, time.time())
    if explained.unread:
        say(explained.unread, file=sys.stderr)
    if not wanted.table:
        wanted.show({"execution": explained.execution, "nodes": dict(explained.nodes)})
        return 0
    if node is None:
        say(explained.execution)
        if (execution.get("status") or {}).get("phase") == "Paused":
            say(f"Paused {describe_pause(execution, read_workflow(cluster, execution))}")
    for sentence in explained.nodes.values():
        say(sentence if node else f"  {sentence}")
    return 0
