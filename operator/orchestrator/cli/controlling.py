"""Executions paused, resumed, ended, removed, and run again."""

from __future__ import annotations

import sys

from orchestrator.cli.connection import Raw, Target
from orchestrator.cli.errors import UsageError
from orchestrator.cli.kinds import EXECUTIONS
from orchestrator.cli.printing import check, print_object
from orchestrator.cli.tree import EXIT_CODES
from orchestrator.cli.watching import follow
from orchestrator.models.base import API_VERSION

_SAID = {
    "Paused": "is being paused: nothing new starts",
    "Running": "goes on",
    "Cancelled": "is being cancelled",
    "Terminated": "is being ended by force",
}
_FIRMNESS = {"Running": 0, "Paused": 0, "Cancelled": 1, "Terminated": 2}


def desire(target: Target, name: str, state: str, *, wait: bool = False) -> int:
    """Ask for a state of an execution; the exit code of its end when it is waited for."""
    cluster = target.connect()
    execution = cluster.get(EXECUTIONS, name)
    phase = (execution.get("status") or {}).get("phase", "")
    now = execution["spec"].get("desiredState", "Running")
    if phase in EXIT_CODES:
        print(f"workflowexecution/{name} has already ended: {phase}")
    elif now == state:
        print(f"workflowexecution/{name} is already asked to be {state}")
    elif _FIRMNESS[now] > _FIRMNESS[state]:
        raise UsageError(f"{name} was asked to be {now}; nothing softer can be asked of it now")
    else:
        execution = cluster.patch(EXECUTIONS, name, {"spec": {"desiredState": state}})
        print(f"workflowexecution/{name} {_SAID[state]}")
    return follow(cluster, execution) if wait else 0


def delete_execution(target: Target, name: str, *, force: bool) -> int:
    """Remove an execution; one that has not ended only by force."""
    cluster = target.connect()
    execution = cluster.get(EXECUTIONS, name)
    phase = (execution.get("status") or {}).get("phase") or "Pending"
    if phase not in EXIT_CODES and not force:
        raise UsageError(f"{name} is {phase}; cancel it first, or delete it with --force")
    cluster.delete(EXECUTIONS, name)
    print(f"workflowexecution/{name} deleted, with its Jobs and pods")
    return 0


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
    source = cluster.get(EXECUTIONS, name)
    phase = (source.get("status") or {}).get("phase") or "Pending"
    if phase not in EXIT_CODES:
        raise UsageError(f"{name} is {phase}; only an ended execution can be run again")
    nodes = start or _unfinished(source)
    if not nodes:
        raise UsageError(f"all nodes of {name} succeeded; name some by --from")
    workflow = source["spec"]["workflow"]
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


def _unfinished(source: Raw) -> list[str]:
    """The nodes that ended badly, which is where people mean to begin again."""
    records = (source.get("status") or {}).get("nodes") or {}
    bad = ("Failed", "TimedOut", "Cancelled")
    return sorted(node for node, record in records.items() if record["phase"] in bad)
