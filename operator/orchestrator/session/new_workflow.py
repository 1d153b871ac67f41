"""Builds a Workflow from a Template of a whole workflow on the cluster, and checks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.kube.resources import CLUSTER_TEMPLATES, TEMPLATES, WORKFLOWS, Resource
from orchestrator.operations.errors import CommandError
from orchestrator.operations.new_workflow import new_workflow
from orchestrator.session.checking import Findings, check_documents
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.errors import ConflictError, UsageError
from orchestrator.session.long_work import long_work
from orchestrator.session.manifests import Document
from orchestrator.validation.missing import LOCAL
from orchestrator.validation.problem import statement


def template_of(reference: str) -> tuple[Resource, str]:
    """The kind and name of NAME, a ClusterTemplate, or local/NAME, a Template."""
    kind = TEMPLATES if reference.startswith(LOCAL) else CLUSTER_TEMPLATES
    return kind, reference.removeprefix(LOCAL)


def workflow_from(reference: str, spec: Raw, name: str, values: Mapping[str, Any]) -> Raw:
    """The manifest of a Workflow from the spec of a Template.

    Raises UsageError with everything that is wrong with the values.
    """
    kind, template = template_of(reference)
    try:
        return new_workflow(name, spec, values)
    except CommandError as error:
        lines = (statement(kind.kind, template, problem) for problem in error.problems)
        raise UsageError("\n".join(lines)) from error


def check_new(cluster: Cluster, reference: str, manifest: Raw) -> Findings:
    """The findings in a Workflow that is to be created.

    Raises UsageError with everything that is wrong with it, or if its name is taken.
    """
    document = Document(f"--from {reference}", manifest, WORKFLOWS)
    with long_work(cluster, manifest["spec"]):
        findings = check_documents([document], cluster)
    if findings.problems:
        raise UsageError("\n".join(findings.problems))
    name = manifest["metadata"]["name"]
    if cluster.find(WORKFLOWS, name) is not None:
        raise ConflictError(
            f"a Workflow {name} already exists in namespace {cluster.namespace}: choose"
            " another name, or change it with apply"
        )
    return findings
