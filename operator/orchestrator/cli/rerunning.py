"""`rerun`: runs part of an ended execution again, or all of it with other variables."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.creating import Printed, create
from orchestrator.cli.variables import read_assignments
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.session.errors import UsageError
from orchestrator.session.permission import require
from orchestrator.session.rerunning import rerun_from, rerun_with_variables, source_workflow


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
    workflow = source_workflow(cluster, source)
    called = options.name or ""
    if options.assignments:
        body = _with_other_variables(cluster, source, workflow, options)
    else:
        body = rerun_from(cluster, source, options.start, called, "--from")
    return create(cluster, body, printed)


def _with_other_variables(
    cluster: Cluster, source: Raw, workflow: Raw | None, options: RerunOptions
) -> Raw:
    if workflow is None:
        name = source["spec"]["workflow"]
        raise UsageError(f"--var: you may not read Workflow {name}, which declares the variables")
    declared = workflow["spec"].get("variables") or []
    changed = read_assignments(declared, options.assignments)
    return rerun_with_variables(cluster, source, workflow, changed, options.name or "")
