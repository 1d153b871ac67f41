"""`rerun`: a part of an ended execution run again, or all of it with other variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.creating import Printed, create, manifest
from orchestrator.cli.errors import UnreachableError, UsageError
from orchestrator.cli.kinds import EXECUTIONS, WORKFLOWS
from orchestrator.cli.pending_approvals import load_graph
from orchestrator.cli.permission import require
from orchestrator.cli.startable import check_state, check_valid
from orchestrator.cli.tree import EXIT_CODES
from orchestrator.cli.variables import check_variables, read_assignments
from orchestrator.engine.admission import Refusal
from orchestrator.engine.rerun import source_of, take_over

_BAD = ("Failed", "TimedOut", "Cancelled")


@dataclass(frozen=True)
class Again:
    """What is to run again, and how."""

    start: list[str]
    """Nodes; those that ended badly where there is none."""
    assignments: list[str]
    """Variables that differ from those of the source."""
    name: str | None
    """The name of the new execution."""


def rerun_execution(target: Target, name: str, again: Again, printed: Printed) -> int:
    """Create an execution from an ended one, once everything that can be checked holds."""
    printed.format  # noqa: B018 - refuses a wrong one before anything is asked
    if again.assignments and again.start:
        raise UsageError(
            "--var: a run from --from keeps the variables of its source; leave out --from to run"
            " everything again with others"
        )
    cluster = target.connect()
    if not again.assignments:
        require(cluster, "rerun")
    source = cluster.get(EXECUTIONS, name)
    name = source["metadata"]["name"]
    phase = (source.get("status") or {}).get("phase") or "Pending"
    if phase not in EXIT_CODES:
        raise UsageError(f"{name} is {phase}; only an ended execution can be run again")
    workflow = _workflow(cluster, source["spec"]["workflow"])
    if again.assignments:
        spec = _with_other_variables(cluster, source, workflow, again.assignments)
    else:
        spec = _from_nodes(cluster, source, again.start)
    return create(cluster, manifest(cluster, again.name, spec), printed)


def _from_nodes(cluster: Cluster, source: Raw, start: list[str]) -> dict[str, Any]:
    """By the engine's own rules, so that what is created is not refused later."""
    name = source["metadata"]["name"]
    nodes = start or _unfinished(source)
    if not nodes:
        raise UsageError(f"all nodes of {name} succeeded; name some by --from")
    spec = {
        "workflow": source["spec"]["workflow"],
        "rerunOf": {"name": name, "from": nodes},
    }
    found = source_of(spec, source)
    if isinstance(found, Refusal):
        raise UsageError(_plain(found))
    graph = load_graph(cluster, source)
    if graph is not None and isinstance(kept := take_over(graph, found, nodes), Refusal):
        raise UsageError(_plain(kept))
    return spec


def _plain(refusal: Refusal) -> str:
    """The message by the option that is meant, where it has the path of the field."""
    path, _, words = refusal.message.partition(": ")
    return f"--from: {words}" if path.startswith("spec.rerunOf.from[") else words


def _with_other_variables(
    cluster: Cluster, source: Raw, workflow: Raw | None, assignments: list[str]
) -> dict[str, Any]:
    name = source["spec"]["workflow"]
    if workflow is None:
        raise UsageError(f"--var: you may not read Workflow {name}, which declares the variables")
    declared = workflow["spec"].get("variables") or []
    variables = {
        **(source["spec"].get("variables") or {}),
        **read_assignments(declared, assignments),
    }
    check_variables(name, workflow["spec"], variables)
    check_valid(cluster, workflow)
    return {"workflow": name, "variables": variables}


def _workflow(cluster: Cluster, workflow: str) -> Raw | None:
    """The Workflow, which must be there and startable; None for who may not read it."""
    try:
        found = cluster.find(WORKFLOWS, workflow)
    except UnreachableError:
        raise
    except UsageError:  # the operator judges it
        return None
    if found is None:
        raise UsageError(
            f"there is no Workflow {workflow} in namespace {cluster.namespace} any more;"
            " apply it before you run it again"
        )
    check_state(found)
    return found


def _unfinished(source: Raw) -> list[str]:
    """The nodes that ended badly, which is where people mean to begin again."""
    records = (source.get("status") or {}).get("nodes") or {}
    return sorted(node for node, record in records.items() if record["phase"] in _BAD)
