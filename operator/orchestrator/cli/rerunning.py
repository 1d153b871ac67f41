"""`rerun`: a part of an ended execution run again."""

from __future__ import annotations

import sys

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.errors import UnreachableError, UsageError
from orchestrator.cli.kinds import EXECUTIONS, WORKFLOWS
from orchestrator.cli.permission import require
from orchestrator.cli.printing import check, print_object
from orchestrator.cli.tree import EXIT_CODES
from orchestrator.cli.watching import follow
from orchestrator.models.base import API_VERSION

_NOT_STARTED = ("Inactive", "Archived")
"""States of a Workflow in which nothing starts it."""


def rerun_execution(
    target: Target,
    name: str,
    start: list[str],
    new_name: str | None,
    *,
    watch: bool,
    output: str | None,
) -> int:
    """Create an execution that runs a part of an ended one again."""
    check(output)
    cluster = target.connect()
    require(cluster, "rerun")
    source = cluster.get(EXECUTIONS, name)
    phase = (source.get("status") or {}).get("phase") or "Pending"
    if phase not in EXIT_CODES:
        raise UsageError(f"{name} is {phase}; only an ended execution can be run again")
    nodes = start or _unfinished(source)
    if not nodes:
        raise UsageError(f"all nodes of {name} succeeded; name some by --from")
    workflow = source["spec"]["workflow"]
    _check_may_start(cluster, workflow)
    spec: Raw = {"workflow": workflow, "rerunOf": {"name": name, "from": nodes}}
    if cluster.user:
        spec["requester"] = cluster.user
    naming = {"name": new_name} if new_name else {"generateName": f"{workflow}-"}
    body = {
        "apiVersion": API_VERSION,
        "kind": "WorkflowExecution",
        "metadata": naming,
        "spec": spec,
    }
    created = cluster.create(EXECUTIONS, body)
    if not watch:
        print_object(created, output or "name")
        return 0
    code = follow(cluster, created, sys.stderr if output else sys.stdout)
    if output:
        print_object(cluster.get(EXECUTIONS, created["metadata"]["name"]), output)
    return code


def _check_may_start(cluster: Cluster, workflow: str) -> None:
    """Report now what the operator would refuse. Raises UsageError."""
    try:
        found = cluster.find(WORKFLOWS, workflow)
    except UnreachableError:
        raise
    except UsageError:  # who may not read Workflows hears it of the operator
        return
    if found is None:
        raise UsageError(
            f"there is no Workflow {workflow} in namespace {cluster.namespace} any more;"
            " apply it before you run it again"
        )
    state = found["spec"].get("state", "Active")
    if state in _NOT_STARTED:
        raise UsageError(
            f"Workflow {workflow} is {state}, so nothing starts it; set spec.state to Active"
        )


def _unfinished(source: Raw) -> list[str]:
    """The nodes that ended badly, which is where people mean to begin again."""
    records = (source.get("status") or {}).get("nodes") or {}
    bad = ("Failed", "TimedOut", "Cancelled")
    return sorted(node for node, record in records.items() if record["phase"] in bad)
