"""`rerun`: runs part of an ended execution again, or all of it with other variables."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.creating import Printed, create
from orchestrator.cli.errors import UnreachableError, UsageError, in_options
from orchestrator.cli.pending_approvals import load_graph
from orchestrator.cli.permission import require
from orchestrator.cli.startable import check_unjudged
from orchestrator.cli.variables import read_assignments
from orchestrator.kube.resources import EXECUTIONS, WORKFLOWS
from orchestrator.operations.rerun import FROM, check_source, check_workflow, rerun, rerun_with


@dataclass(frozen=True)
class RerunOptions:
    """The options of `rerun`."""

    start: list[str]
    """Nodes; if empty, those that did not succeed."""
    assignments: list[str]
    """Variables that differ from those of the source."""
    name: str | None
    """The name of the new execution."""


def rerun_execution(target: Target, name: str, options: RerunOptions, printed: Printed) -> int:
    """Create an execution from an ended one, after all checks."""
    printed.format  # noqa: B018 - refuses a wrong one before anything is asked
    if options.assignments and options.start:
        raise UsageError(
            "--var: a run from --from keeps the variables of its source; leave out --from to run"
            " everything again with others"
        )
    cluster = target.connect()
    if not options.assignments:
        require(cluster, "rerun")
    source = cluster.get(EXECUTIONS, name)
    with in_options():
        check_source(source)
    workflow = _workflow(cluster, source)
    if options.assignments:
        body = _with_other_variables(cluster, source, workflow, options)
    else:
        body = _from_nodes(cluster, source, options)
    return create(cluster, body, printed)


def _from_nodes(cluster: Cluster, source: Raw, options: RerunOptions) -> Raw:
    graph = load_graph(cluster, source)
    with in_options({FROM: "--from"}, fix="name some by --from"):
        return rerun(source, graph, options.start, requester=cluster.user, name=options.name or "")


def _with_other_variables(
    cluster: Cluster, source: Raw, workflow: Raw | None, options: RerunOptions
) -> Raw:
    if workflow is None:
        name = source["spec"]["workflow"]
        raise UsageError(f"--var: you may not read Workflow {name}, which declares the variables")
    declared = workflow["spec"].get("variables") or []
    changed = read_assignments(declared, options.assignments)
    with in_options():
        body = rerun_with(
            source, workflow, changed, requester=cluster.user, name=options.name or ""
        )
    check_unjudged(cluster, workflow)
    return body


def _workflow(cluster: Cluster, source: Raw) -> Raw | None:
    """The Workflow, which must exist and be startable; None if the user may not read it."""
    try:
        found = cluster.find(WORKFLOWS, source["spec"]["workflow"])
    except UnreachableError:
        raise
    except UsageError:  # the operator checks it
        return None
    with in_options():
        check_workflow(source, found)
    return found
