"""`new`: creates a Workflow from a Template of a whole workflow."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.cli.checking import check_documents
from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.errors import UsageError
from orchestrator.cli.manifests import Document
from orchestrator.cli.terminal import say
from orchestrator.cli.variables import read_variables
from orchestrator.kube.resources import CLUSTER_TEMPLATES, TEMPLATES, WORKFLOWS
from orchestrator.operations.errors import CommandError
from orchestrator.operations.new_workflow import new_workflow
from orchestrator.validation.missing import LOCAL
from orchestrator.validation.problem import statement


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
    manifest = _manifest(cluster, options)
    document = Document(f"--from {options.template}", manifest, WORKFLOWS)
    findings = check_documents([document], cluster)
    if findings.problems:
        raise UsageError("\n".join(findings.problems))
    for warning in findings.warnings:
        say(warning, file=sys.stderr)
    if cluster.find(WORKFLOWS, options.name) is not None:
        raise UsageError(
            f"a Workflow {options.name} already exists in namespace {cluster.namespace}: choose"
            " another name, or change it with apply"
        )
    created = cluster.create(WORKFLOWS, manifest, dry_run=options.dry_run)
    show(manifest if options.dry_run else created)
    return 0


def _manifest(cluster: Cluster, options: NewOptions) -> Raw:
    kind = TEMPLATES if options.template.startswith(LOCAL) else CLUSTER_TEMPLATES
    name = options.template.removeprefix(LOCAL)
    spec = cluster.get(kind, name)["spec"]
    values = read_variables(spec.get("parameters") or [], options.assignments, options.values)
    try:
        return new_workflow(options.name, spec, values)
    except CommandError as error:
        lines = (statement(kind.kind, name, problem) for problem in error.problems)
        raise UsageError("\n".join(lines)) from error
