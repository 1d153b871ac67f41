"""`run`: starts executions by hand, from a Workflow on the cluster or in a file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.cli.connection import Raw, Target
from orchestrator.cli.creating import Printed, create
from orchestrator.cli.variables import read_variables
from orchestrator.kube.resources import EXECUTIONS, WORKFLOWS
from orchestrator.operations.start import check_state, start_workflow
from orchestrator.session.errors import UsageError, in_options
from orchestrator.session.kinds import name_in
from orchestrator.session.startable import startable


@dataclass(frozen=True)
class RunOptions:
    """The options of `run`."""

    workflow: str | None
    files: list[str]
    assignments: list[str]
    variables: Path | None
    name: str | None
    dry_run: bool


def run_workflow(target: Target, options: RunOptions, printed: Printed) -> int:
    """Create an execution; if it is watched, return the exit code of its end."""
    if options.dry_run and printed.watch:
        raise UsageError("--watch: a dry run creates nothing to watch")
    if options.files:
        return _run_files(target, options, printed)
    if options.workflow is None:
        raise UsageError("name a Workflow, or a file with -f")
    cluster = target.connect()
    workflow = cluster.get(WORKFLOWS, options.workflow)
    body = startable(cluster, workflow, _variables(workflow, options), options.name)
    return create(cluster, body, printed, dry_run=options.dry_run)


def _variables(workflow: Raw, options: RunOptions) -> Mapping[str, Any]:
    """The variables, converted to their types. Raises UsageError, first if the Workflow cannot be
    started."""
    with in_options():
        check_state(workflow)
    declared = workflow["spec"].get("variables") or []
    return read_variables(declared, options.assignments, options.variables)


def _run_files(target: Target, options: RunOptions, printed: Printed) -> int:
    """Apply the files and run their Workflow, or create the execution that they contain."""
    from orchestrator.cli.applying import apply_documents
    from orchestrator.session.manifests import read_documents

    documents, problems = read_documents(options.files)
    executions = [one for one in documents if one.resource == EXECUTIONS]
    workflows = [one for one in documents if one.resource == WORKFLOWS]
    where = ", ".join(options.files)
    if options.workflow is not None:
        wanted = name_in(WORKFLOWS, options.workflow)
        workflows = [one for one in workflows if one.name == wanted]
    if executions and options.workflow is None:
        if len(executions) > 1 or len(documents) > 1:
            raise UsageError(f"{where}: run takes one execution alone; apply the other manifests")
        if options.assignments or options.variables:
            raise UsageError("--var: the variables of an execution are in its manifest")
    elif len(workflows) != 1:
        names = ", ".join(one.name for one in workflows) or "none"
        raise UsageError(
            f"{where}: run takes one Workflow, but the files contain {names}; name one"
        )
    if problems:
        raise UsageError("\n".join(problems))
    chosen = (executions or workflows)[0]
    cluster = target.connect().within(chosen.namespace)
    if executions and options.workflow is None:
        body = {**chosen.raw, "metadata": dict(chosen.raw["metadata"])}
        if options.name:
            body["metadata"]["name"] = options.name
        return create(cluster, body, printed, dry_run=options.dry_run)
    workflow = {"spec": {}, **chosen.raw, "status": {}}  # judge only what is stored
    variables = _variables(workflow, options)
    with in_options():
        body = start_workflow(workflow, variables, requester=cluster.user, name=options.name or "")
    # Standard output contains only what programs parse.
    stream = sys.stderr if printed.output else sys.stdout
    code = apply_documents(target, documents, dry_run=options.dry_run, stream=stream)
    return code or create(cluster, body, printed, dry_run=options.dry_run)
