"""`run` and `cancel`: executions started and ended by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from orchestrator.cli.connection import Cluster, Target
from orchestrator.cli.kinds import EXECUTIONS, WORKFLOWS
from orchestrator.cli.printing import print_object
from orchestrator.cli.variables import read_variables
from orchestrator.cli.watching import follow
from orchestrator.models.base import API_VERSION


def run_workflow(
    target: Target,
    workflow: str,
    assignments: list[str],
    file: Path | None,
    name: str | None,
    *,
    watch: bool,
    output: str | None,
) -> int:
    """Create an execution; the exit code of its end when it is watched."""
    cluster = target.connect()
    spec = cluster.get(WORKFLOWS, workflow)["spec"]
    variables = read_variables(spec.get("variables") or [], assignments, file)
    created = cluster.create(EXECUTIONS, _execution(cluster, workflow, variables, name))
    if output or not watch:
        print_object(created, output or "name")
    return follow(cluster, created) if watch else 0


def cancel_execution(target: Target, name: str, *, wait: bool) -> int:
    """Ask an execution to end."""
    cluster = target.connect()
    cluster.get(EXECUTIONS, name)
    asked = cluster.patch(EXECUTIONS, name, {"spec": {"desiredState": "Cancelled"}})
    phase = asked.get("status", {}).get("phase", "Pending")
    if phase in ("Succeeded", "Failed", "TimedOut", "Cancelled"):
        print(f"workflowexecution/{name} has already ended: {phase}")
    else:
        print(f"workflowexecution/{name} is being cancelled")
    return follow(cluster, asked) if wait else 0


def _execution(
    cluster: Cluster, workflow: str, variables: dict[str, Any], name: str | None
) -> dict[str, Any]:
    naming = {"name": name} if name else {"generateName": f"{workflow}-"}
    spec: dict[str, Any] = {"workflow": workflow}
    if variables:
        spec["variables"] = variables
    if cluster.user:
        spec["requester"] = cluster.user
    return {
        "apiVersion": API_VERSION,
        "kind": "WorkflowExecution",
        "metadata": naming,
        "spec": spec,
    }
