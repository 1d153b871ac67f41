"""`new`: creates a Workflow from a Template of a whole workflow."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.cli.connection import Raw, Target
from orchestrator.cli.terminal import say
from orchestrator.cli.variables import read_variables
from orchestrator.kube.resources import WORKFLOWS
from orchestrator.session.new_workflow import check_new, template_of, workflow_from


@dataclass(frozen=True)
class NewOptions:
    """The options of `new`."""

    name: str
    template: str
    """NAME of a ClusterTemplate, or local/NAME of a Template in the namespace."""
    assignments: list[str]
    values: Path | None
    dry_run: bool


def make_workflow(target: Target, options: NewOptions, show: Callable[[Raw], None]) -> int:
    """Create the Workflow and print it; in a dry run, print the manifest that would be created.

    Raises UsageError with everything that is wrong with the values or with the Workflow.
    """
    cluster = target.connect()
    kind, template = template_of(options.template)
    spec = cluster.get(kind, template)["spec"]
    values = read_variables(spec.get("parameters") or [], options.assignments, options.values)
    manifest = workflow_from(options.template, spec, options.name, values)
    for warning in check_new(cluster, options.template, manifest).warnings:
        say(warning, file=sys.stderr)
    created = cluster.create(WORKFLOWS, manifest, dry_run=options.dry_run)
    show(manifest if options.dry_run else created)
    return 0
