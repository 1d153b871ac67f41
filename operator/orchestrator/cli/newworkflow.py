"""`new`: a Workflow made of a Template of a whole workflow."""

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
from orchestrator.commands.errors import CommandError
from orchestrator.commands.newworkflow import new_workflow
from orchestrator.kube.resources import CLUSTER_TEMPLATES, TEMPLATES, WORKFLOWS
from orchestrator.validation.missing import LOCAL
from orchestrator.validation.problem import statement


@dataclass(frozen=True)
class Asked:
    """How a Workflow is to be made."""

    name: str
    template: str
    """NAME of a ClusterTemplate, or local/NAME of a Template of the namespace."""
    assignments: list[str]
    values: Path | None
    dry_run: bool


def make_workflow(target: Target, asked: Asked, show: Callable[[Raw], None]) -> int:
    """Create the Workflow and show it; of a dry run, the manifest that would be created.

    Raises UsageError with everything that is wrong with the values or with the Workflow.
    """
    cluster = target.connect()
    manifest = _manifest(cluster, asked)
    document = Document(f"--from {asked.template}", manifest, WORKFLOWS)
    findings = check_documents([document], cluster)
    if findings.problems:
        raise UsageError("\n".join(findings.problems))
    for warning in findings.warnings:
        say(warning, file=sys.stderr)
    if cluster.find(WORKFLOWS, asked.name) is not None:
        raise UsageError(
            f"there is a Workflow {asked.name} in namespace {cluster.namespace} already: choose"
            " another name, or change it with apply"
        )
    created = cluster.create(WORKFLOWS, manifest, dry_run=asked.dry_run)
    show(manifest if asked.dry_run else created)
    return 0


def _manifest(cluster: Cluster, asked: Asked) -> Raw:
    kind = TEMPLATES if asked.template.startswith(LOCAL) else CLUSTER_TEMPLATES
    name = asked.template.removeprefix(LOCAL)
    spec = cluster.get(kind, name)["spec"]
    values = read_variables(spec.get("parameters") or [], asked.assignments, asked.values)
    try:
        return new_workflow(asked.name, spec, values)
    except CommandError as error:
        lines = (statement(kind.kind, name, problem) for problem in error.problems)
        raise UsageError("\n".join(lines)) from error
