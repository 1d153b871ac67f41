"""`run`: executions started by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from orchestrator.cli.connection import Cluster, Target
from orchestrator.cli.kinds import EXECUTIONS, WORKFLOWS
from orchestrator.cli.printing import check, print_object
from orchestrator.cli.variables import check_variables, read_variables
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
    """Create an execution; the exit code of its end when it is watched.

    With both `watch` and `output`, the watching goes to standard error and the execution is
    printed as it ended.
    """
    check(output)
    cluster = target.connect()
    spec = cluster.get(WORKFLOWS, workflow)["spec"]
    variables = read_variables(spec.get("variables") or [], assignments, file)
    check_variables(workflow, spec, variables)
    created = cluster.create(EXECUTIONS, _execution(cluster, workflow, variables, name))
    if not watch:
        print_object(created, output or "name")
        return 0
    code = follow(cluster, created, sys.stderr if output else sys.stdout)
    if output:
        print_object(cluster.get(EXECUTIONS, created["metadata"]["name"]), output)
    return code


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
