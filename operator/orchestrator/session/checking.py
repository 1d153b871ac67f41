"""Checks manifests before they are applied, with or without a cluster."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from orchestrator import lint
from orchestrator.kube.resources import EXECUTIONS, KINDS
from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.session.cluster import Cluster
from orchestrator.session.manifests import Document, Metadata
from orchestrator.session.references import References
from orchestrator.validation.parse import parse


@dataclass
class Findings:
    """Findings of a check; each is a line with file, document and path."""

    problems: list[str] = field(default_factory=list)
    """Errors: they make a manifest invalid."""
    warnings: list[str] = field(default_factory=list)
    """Warnings: valid, but probably unintended."""
    unchecked: list[str] = field(default_factory=list)
    """Checks that were not possible."""


def check_documents(documents: Sequence[Document], cluster: Cluster | None) -> Findings:
    """Errors and warnings, by the operator's own rules.

    A workflow's actions and sub-workflows may be in the same files or on the cluster. Without a
    cluster, checks that need an action or sub-workflow from elsewhere are skipped.
    """
    return _check(documents, References(documents, cluster))


def lint_documents(documents: Sequence[Document], cluster: Cluster | None) -> Findings:
    """As `check_documents`; without a cluster, the shipped actions are those of this release."""
    references = References(documents, cluster, None if cluster else shipped_templates())
    return _check(documents, references, names_generated=True)


@cache
def shipped_templates() -> dict[str, TemplateSpec]:
    """The actions of this release."""
    from orchestrator.actions.manifest import templates

    return {
        name: TemplateSpec.model_validate(template["spec"])
        for name, template in templates().items()
    }


def _check(
    documents: Sequence[Document], references: References, *, names_generated: bool = False
) -> Findings:
    """`names_generated`: the API server may generate an execution's name, as on its creation."""
    findings = Findings()
    seen: dict[_Identity, Document] = {}
    for document in documents:
        problems = _examine(document, references, findings, names_generated=names_generated)
        findings.problems += [document.says(problem) for problem in problems]
        findings.problems += _repeated(document, seen)
    return findings


_Identity = tuple[str, str | None, str]
"""Kind, namespace and name."""


def _repeated(document: Document, seen: dict[_Identity, Document]) -> Sequence[str]:
    """Another manifest of an object: the last one would silently win."""
    if document.resource not in KINDS or "name" not in document.raw["metadata"]:
        return []
    identity = document.resource.kind, document.namespace, document.name
    first = seen.setdefault(identity, document)
    if first.raw == document.raw:
        return []
    words = f"metadata.name: {first.where} has another {document.resource.kind} of this name"
    return [document.says(f"{words}; delete or rename one of them")]


def _examine(
    document: Document, references: References, findings: Findings, *, names_generated: bool
) -> Sequence[object]:
    """The errors in a document; its warnings are added to the findings."""
    if document.resource not in KINDS:
        return []
    found = check_document(document, references, names_generated=names_generated)
    findings.warnings += [document.says(f"warning: {warning}") for warning in found.warnings]
    if found.unchecked:
        why = found.why_unchecked or references.why_incomplete
        what = ", ".join(found.unchecked)
        findings.unchecked.append(document.says(f"not checked, {why}: {what}"))
    return found.problems


def check_document(
    document: Document, references: References, *, names_generated: bool = False
) -> lint.Findings:
    """The findings in a manifest of one of our kinds.

    `names_generated`: the API server may generate an execution's name, as on its creation.
    """
    named = document.raw["metadata"]
    if names_generated and document.resource is EXECUTIONS and "name" not in named:
        named = {**named, "name": f"{named['generateName']}00000"}
    metadata = parse(Metadata, named, "metadata")
    if isinstance(metadata, list):
        return lint.Findings(tuple(metadata))
    spec = document.raw.get("spec") or {}
    context = _Around(document, references)
    return lint.check_manifest(document.resource.kind, document.name, spec, context)


@dataclass(frozen=True)
class _Around:
    """What a document can refer to."""

    document: Document
    references: References

    def templates(self, spec: WorkflowSpec) -> tuple[Mapping[str, TemplateSpec], bool]:
        return self.references.templates(self.document, spec)

    def workflows(
        self, spec: WorkflowSpec
    ) -> tuple[Mapping[str, WorkflowSpec], Collection[str] | None]:
        return self.references.workflows(self.document, spec)

    def started(self, name: str) -> Mapping[str, Any] | None:
        return self.references.started(self.document, name)

    def names(self) -> Collection[str] | None:
        return self.references.names(self.document)

    def near(self, name: str) -> str:
        return self.references.near(self.document, name)
