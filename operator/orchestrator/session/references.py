"""What a manifest can refer to: Templates and Workflows in its files, on the cluster, or
shipped."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from orchestrator.kube.resources import CLUSTER_TEMPLATES, TEMPLATES, WORKFLOWS
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.session.cluster import Cluster
from orchestrator.session.errors import UnreachableError, UsageError
from orchestrator.session.manifests import Document
from orchestrator.validation.missing import LOCAL
from orchestrator.validation.parse import parse

RawSpecs = dict[str, object]
"""The specs of Workflows by name, as written."""


class References:
    """Resolves references in manifests; each list is read from the cluster at most once."""

    def __init__(
        self,
        documents: Sequence[Document],
        cluster: Cluster | None,
        shipped: Mapping[str, TemplateSpec] | None = None,
    ) -> None:
        """`shipped` are the actions assumed to exist if there is no cluster."""
        self._cluster = cluster
        self._shipped = dict(shipped or {})
        self._default = cluster.namespace if cluster else None
        self._templates: dict[tuple[str | None, str], TemplateSpec] = {}
        self._workflows: dict[tuple[str | None, str], object] = {}
        self._listed: dict[str | None, dict[str, TemplateSpec] | None] = {}
        self._started: dict[str | None, RawSpecs | None] = {}
        for document in documents:
            raw, namespace = document.raw.get("spec") or {}, self._namespace(document)
            if document.resource in (TEMPLATES, CLUSTER_TEMPLATES):
                template = parse(TemplateSpec, raw)
                if isinstance(template, TemplateSpec):
                    self._templates[namespace, _action(document)] = template
            elif document.resource is WORKFLOWS:
                self._workflows[namespace, document.name] = raw

    @property
    def why_incomplete(self) -> str:
        """Why something could not be checked."""
        return "since it cannot be listed" if self._cluster else "without a cluster"

    def templates(
        self, document: Document, spec: WorkflowSpec
    ) -> tuple[Mapping[str, TemplateSpec], bool]:
        """The Templates by action, and whether the list is complete."""
        namespace = self._namespace(document)
        beside = {
            action: template
            for (where, action), template in self._templates.items()
            if where in (None, namespace)
        }
        if all(node.action in beside for node in spec.nodes if node.action):
            return beside, True
        if namespace not in self._listed:
            self._listed[namespace] = self._templates_on_cluster(namespace)
        listed = self._listed[namespace]
        return {**self._shipped, **(listed or {}), **beside}, listed is not None

    def workflows(
        self, document: Document, spec: WorkflowSpec
    ) -> tuple[Mapping[str, WorkflowSpec], Collection[str] | None]:
        """The sub-workflows by name, and the names of all Workflows, if known."""
        named = {node.workflow.name for node in spec.nodes if node.workflow}
        namespace = self._namespace(document)
        beside = self._beside(namespace)
        if named <= beside.keys():
            found = beside
            listed: Collection[str] | None = beside
        else:
            on_cluster = self._workflows_of(namespace)
            found = {**(on_cluster or {}), **beside}
            listed = None if on_cluster is None else found
        parsed = {name: parse(WorkflowSpec, found[name]) for name in named if name in found}
        known = {name: spec for name, spec in parsed.items() if isinstance(spec, WorkflowSpec)}
        return known, listed

    def started(self, document: Document, name: str) -> Mapping[str, Any] | None:
        """The spec, as written, of a Workflow in the document's namespace, if known."""
        namespace = self._namespace(document)
        beside = self._beside(namespace)
        found = beside if name in beside else self._workflows_of(namespace) or {}
        spec = found.get(name)
        return spec if isinstance(spec, dict) else None

    def names(self, document: Document) -> Collection[str] | None:
        """The Workflows in the document's namespace, if known."""
        namespace = self._namespace(document)
        on_cluster = self._workflows_of(namespace)
        return None if on_cluster is None else {**on_cluster, **self._beside(namespace)}

    def near(self, document: Document, name: str) -> str:
        """A Workflow in the same files with a similar name, as a question."""
        return did_you_mean(name, self._beside(self._namespace(document)))

    def _beside(self, namespace: str | None) -> RawSpecs:
        return {name: spec for (where, name), spec in self._workflows.items() if where == namespace}

    def _namespace(self, document: Document) -> str | None:
        return document.namespace or self._default if document.resource.namespaced else None

    def _workflows_of(self, namespace: str | None) -> RawSpecs | None:
        if namespace not in self._started:
            self._started[namespace] = self._workflows_on_cluster(namespace)
        return self._started[namespace]

    def _workflows_on_cluster(self, namespace: str | None) -> RawSpecs | None:
        if self._cluster is None:
            return None
        try:
            items = self._cluster.within(namespace).list(WORKFLOWS)["items"]
        except UnreachableError:
            raise
        except UsageError:
            return None
        return {item["metadata"]["name"]: item.get("spec") or {} for item in items}

    def _templates_on_cluster(self, namespace: str | None) -> dict[str, TemplateSpec] | None:
        if self._cluster is None:
            return None
        found: dict[str, TemplateSpec] = {}
        try:
            for kind, prefix in ((CLUSTER_TEMPLATES, ""), (TEMPLATES, LOCAL)):
                for item in self._cluster.within(namespace).list(kind)["items"]:
                    template = parse(TemplateSpec, item["spec"])
                    if not isinstance(template, TemplateSpec):
                        return None  # newer than this version
                    found[prefix + item["metadata"]["name"]] = template
        except UnreachableError:
            raise
        except UsageError:
            return (
                None  # if the user may not list Templates, the operator checks the reference later
            )
        return found


def _action(document: Document) -> str:
    return f"{LOCAL if document.resource is TEMPLATES else ''}{document.name}"
