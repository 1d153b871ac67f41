"""Reads manifests from files, folders and standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.formats.yaml_json import MAX_VALUES, NotReadableError, read_yaml
from orchestrator.kube.resources import EXECUTIONS, KINDS, Resource
from orchestrator.models.base import API_VERSION, GROUP, Json, Model, ObjectName, WorkflowName
from orchestrator.models.nearest import did_you_mean
from orchestrator.session.errors import UsageError
from orchestrator.session.kinds import is_path_segment
from orchestrator.validation.problem import statement

_KUSTOMIZE = "kustomize.config.k8s.io"
FIELDS = ("apiVersion", "kind", "metadata", "spec", "status")
"""The fields of a manifest; status is left to the operator."""


@dataclass(frozen=True)
class Limits:
    """How large a file may be."""

    mebibytes: int
    values: int
    """Values in a document, with aliases expanded."""


MANIFESTS = Limits(3, MAX_VALUES)
"""The API server's limit for a request; a much larger file is not a manifest."""
BACKUP = Limits(2048, 50_000_000)
"""For files with many objects, each of up to a mebibyte."""


class Metadata(Model):
    """The `metadata` fields that users write, and those that the API server adds."""

    name: ObjectName
    namespace: WorkflowName | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[Json] | None = None
    finalizers: list[str] | None = None
    uid: Json = None
    resource_version: Json = None
    generation: Json = None
    creation_timestamp: Json = None
    deletion_timestamp: Json = None
    deletion_grace_period_seconds: Json = None
    generate_name: Json = None
    managed_fields: Json = None
    self_link: Json = None


@dataclass(frozen=True)
class Document:
    """One manifest and its location."""

    where: str
    raw: dict[str, Any]
    resource: Resource

    @property
    def name(self) -> str:
        """The object's name; for an execution with generateName, the prefix of its name."""
        metadata = self.raw["metadata"]
        return str(metadata.get("name") or metadata.get("generateName"))

    @property
    def namespace(self) -> str | None:
        """The namespace in the manifest, if its kind is namespaced."""
        return self.raw["metadata"].get("namespace") if self.resource.namespaced else None

    def says(self, problem: object) -> str:
        """A problem with its location."""
        return f"{self.where}: {statement(self.resource.kind, self.name, problem)}"


def read_documents(
    files: list[str], limits: Limits = MANIFESTS
) -> tuple[list[Document], list[str]]:
    """The manifests of this API, and the problems in the others. Raises UsageError for a file that
    cannot be read."""
    documents: list[Document] = []
    problems: list[str] = []
    for name, text in _texts(files, limits):
        number = 0
        try:
            for number, whole in enumerate(read_yaml(text, limits.values), 1):
                for place, raw in _items(whole):
                    where = f"{name}: document {number}{place}"
                    document = read_document(where, raw)
                    if isinstance(document, Document):
                        documents.append(document)
                    elif document:
                        problems.append(f"{where}: {document}")
        except NotReadableError as error:
            problems.append(f"{name}: document {number + 1}: {error}")
    return documents, problems


def _texts(files: list[str], limits: Limits) -> Iterator[tuple[str, str]]:
    for file in files:
        if file == "-":
            yield "standard input", _standard_input()
            continue
        path = Path(file)
        found = [path]
        if path.is_dir():
            found = sorted(
                p
                for p in path.rglob("*")
                if p.suffix in (".yaml", ".yml", ".json") and p.stem != "kustomization"
            )
        for each in found:
            yield str(each), _read(each, limits)


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"standard input: not text: {error.reason}") from error


def _read(path: Path, limits: Limits) -> str:
    try:
        if path.stat().st_size > limits.mebibytes * 1024**2:
            raise UsageError(f"{path}: is larger than {limits.mebibytes} MiB")
        return path.read_text()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not text: {error.reason}") from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def read_document(where: str, raw: Any) -> Document | str:
    """The manifest, or what is wrong with it; nothing for an empty document."""
    if raw is None:
        return ""
    if not isinstance(raw, dict):
        return "a manifest is one object with apiVersion, kind, metadata and spec"
    kind = _kind(raw.get("apiVersion"), raw.get("kind"))
    if isinstance(kind, str):
        return kind
    metadata = raw.get("metadata")
    named = ("name", "generateName") if kind is EXECUTIONS else ("name",)
    if not isinstance(metadata, dict) or not any(
        isinstance(metadata.get(field), str) for field in named
    ):
        return "metadata.name: a name is needed"
    if not isinstance(metadata.get("namespace", ""), str):
        return "metadata.namespace: must be a string"
    if kind not in KINDS:
        if not is_path_segment(metadata["name"]):
            return "metadata.name: may not be empty, '.' or '..', nor contain '/' or '%'"
        return Document(where, raw, kind)
    odd = [str(key) for key in raw if key not in FIELDS]
    if odd:
        return f"{odd[0]}: there is no such field{did_you_mean(odd[0], FIELDS)}"
    if not isinstance(raw.get("spec", {}), dict):
        return "spec: must be an object"
    return Document(where, raw, kind)


def _items(raw: Any) -> Iterator[tuple[str, Any]]:
    """The items of a List, as `kubectl get -o yaml` prints one, each with its path; or the document
    itself."""
    if isinstance(raw, dict) and str(raw.get("kind", "")).endswith("List"):
        items = raw.get("items")
        if isinstance(items, list):
            for index, item in enumerate(items):
                yield f": items[{index}]", item
            return
    yield "", raw


def _kind(version: Any, name: Any) -> Resource | str:
    """A kind of this API, or one that the API server may know; otherwise what is wrong with it."""
    if not isinstance(version, str) or not isinstance(name, str) or not version or not name:
        return "apiVersion, kind: both are needed, such as apiVersion: v1 and kind: ConfigMap"
    group = version.rpartition("/")[0]
    if group == _KUSTOMIZE:
        return (
            "a Kustomization is not an API object; apply the output of `kubectl kustomize FOLDER`"
        )
    if group != GROUP:
        return Resource(group, version.rpartition("/")[2], "", name)
    if version != API_VERSION:
        return f"apiVersion: {version} is not supported; write {API_VERSION}"
    known = [kind.kind for kind in KINDS]
    found = next((kind for kind in KINDS if kind.kind == name), None)
    hint = did_you_mean(name, known) or f"; write one of {', '.join(known)}"
    return found or f"kind: there is no kind {name!r} of {API_VERSION}{hint}"
