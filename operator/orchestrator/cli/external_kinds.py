"""Kinds of other API groups, whose manifests `apply` sends to the API server unchecked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from orchestrator.cli.connection import Cluster
from orchestrator.kube.resources import KINDS, NAMESPACES, Resource
from orchestrator.session.errors import NotFoundError, UsageError
from orchestrator.session.manifests import Document

_DEFINITION = "CustomResourceDefinition"


@dataclass(frozen=True)
class Resolved:
    """A manifest whose kind is known."""

    document: Document
    waits: bool = False
    """Whether it needs a namespace or a definition that is applied with it."""


def resolve(cluster: Cluster, documents: Sequence[Document]) -> tuple[list[Resolved], list[str]]:
    """The manifests with their kinds as the cluster has them, and the problems of the others."""
    resolver = _Resolver(cluster, documents)
    found, problems = [], []
    for document in documents:
        try:
            found.append(resolver.resolve(document))
        except NotFoundError as error:
            problems.append(document.says(error))
    return found, problems


class _Resolver:
    def __init__(self, cluster: Cluster, documents: Sequence[Document]) -> None:
        self._cluster = cluster
        self._served: dict[str, dict[str, Resource]] = {}
        self._defined = dict(
            pair
            for document in documents
            if document.resource.kind == _DEFINITION
            for pair in _kinds_of(document)
        )
        self._new = {
            document.name
            for document in documents
            if document.resource.kind == "Namespace" and not self._is_there(document.name)
        }

    def resolve(self, document: Document) -> Resolved:
        """Raises NotFoundError for a kind that the cluster does not have."""
        waits = False
        if document.resource not in KINDS:
            version, name = str(document.raw["apiVersion"]), document.resource.kind
            kind = self._kinds(version).get(name)
            if kind is None:
                kind, waits = self._defined.get((version, name)), True
            if kind is None:
                raise NotFoundError(f"the cluster has no kind {name} of {version}")
            document = replace(document, resource=kind)
        namespace = document.namespace or self._cluster.namespace
        return Resolved(
            document, waits or (document.resource.namespaced and namespace in self._new)
        )

    def _kinds(self, version: str) -> dict[str, Resource]:
        if version not in self._served:
            root = "/apis" if "/" in version else "/api"
            try:
                resources = self._cluster.request("GET", f"{root}/{version}")["resources"]
            except NotFoundError:
                resources = []
            self._served[version] = {
                one["kind"]: _resource(version, one["name"], one["kind"], one["namespaced"])
                for one in resources
                if "/" not in one["name"]
            }
        return self._served[version]

    def _is_there(self, namespace: str) -> bool:
        try:
            return self._cluster.find(NAMESPACES, namespace) is not None
        except UsageError:
            return True  # if the user may not read namespaces, applying the object reports it


def _resource(api: str, plural: str, kind: str, namespaced: bool) -> Resource:
    group, _, version = api.rpartition("/")
    return Resource(group, version, plural, kind, namespaced)


def _kinds_of(document: Document) -> list[tuple[tuple[str, str], Resource]]:
    """The kinds that a custom resource definition defines, by version."""
    spec = document.raw.get("spec") or {}
    names, namespaced = spec.get("names") or {}, spec.get("scope") != "Cluster"
    kinds = []
    for version in spec.get("versions") or ():
        api = f"{spec.get('group')}/{version.get('name')}"
        kind = _resource(api, str(names.get("plural")), str(names.get("kind")), namespaced)
        kinds.append(((api, kind.kind), kind))
    return kinds
