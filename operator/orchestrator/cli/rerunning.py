"""`rerun`: a part of an ended execution run again, or all of it with other variables."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.creating import Printed, create
from orchestrator.cli.errors import UnreachableError, UsageError, in_options
from orchestrator.cli.pending_approvals import load_graph
from orchestrator.cli.permission import require
from orchestrator.cli.startable import check_unjudged
from orchestrator.cli.variables import read_assignments
from orchestrator.commands.rerun import FROM, check_source, check_workflow, rerun, rerun_with
from orchestrator.kube.resources import EXECUTIONS, WORKFLOWS


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
    with in_options():
        check_source(source)
    workflow = _workflow(cluster, source)
    if again.assignments:
        body = _with_other_variables(cluster, source, workflow, again)
    else:
        body = _from_nodes(cluster, source, again)
    return create(cluster, body, printed)


def _from_nodes(cluster: Cluster, source: Raw, again: Again) -> Raw:
    graph = load_graph(cluster, source)
    with in_options({FROM: "--from"}, fix="name some by --from"):
        return rerun(source, graph, again.start, requester=cluster.user, name=again.name or "")


def _with_other_variables(cluster: Cluster, source: Raw, workflow: Raw | None, again: Again) -> Raw:
    if workflow is None:
        name = source["spec"]["workflow"]
        raise UsageError(f"--var: you may not read Workflow {name}, which declares the variables")
    declared = workflow["spec"].get("variables") or []
    changed = read_assignments(declared, again.assignments)
    with in_options():
        body = rerun_with(source, workflow, changed, requester=cluster.user, name=again.name or "")
    check_unjudged(cluster, workflow)
    return body


def _workflow(cluster: Cluster, source: Raw) -> Raw | None:
    """The Workflow, which must be there and startable; None for who may not read it."""
    try:
        found = cluster.find(WORKFLOWS, source["spec"]["workflow"])
    except UnreachableError:
        raise
    except UsageError:  # the operator judges it
        return None
    with in_options():
        check_workflow(source, found)
    return found
