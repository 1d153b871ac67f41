"""`apply`: manifests checked here first, all of them, and only then sent to the cluster."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from orchestrator.cli.connection import APPLY_PATCH, Cluster, Target
from orchestrator.cli.errors import UsageError
from orchestrator.cli.kinds import KINDS, Kind
from orchestrator.models.base import API_VERSION
from orchestrator.models.crd import KINDS as DEFINITIONS
from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import Problem
from orchestrator.validation.template import validate_template
from orchestrator.validation.workflow import validate_workflow

FIELD_MANAGER = "orchestrator-cli"


@dataclass(frozen=True)
class Document:
    """One manifest, and where it stands."""

    where: str
    raw: dict[str, Any]
    kind: Kind

    @property
    def name(self) -> str:
        """The object's name."""
        name: str = self.raw["metadata"]["name"]
        return name


def apply_files(target: Target, files: list[str], *, dry_run: bool) -> int:
    """Apply everything, or say what is wrong and apply nothing (exit code 2)."""
    documents: list[Document] = []
    problems: list[str] = []
    for where, raw in _documents(files):
        document = _document(where, raw)
        if isinstance(document, str):
            problems.append(f"{where}: {document}")
        else:
            documents.append(document)
    problems += _check(documents)
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return 2
    if not documents:
        raise UsageError(f"{', '.join(files)}: there is no manifest in it")
    cluster = target.connect()
    for document in documents:
        print(_apply(cluster, document, dry_run=dry_run))
    return 0


def _documents(files: list[str]) -> Iterator[tuple[str, Any]]:
    for file in files:
        for name, text in _texts(file):
            try:
                for number, raw in enumerate(yaml.safe_load_all(text), 1):
                    if raw is not None:
                        yield f"{name}: document {number}", raw
            except yaml.YAMLError as error:
                raise UsageError(f"{name}: not YAML: {' '.join(str(error).split())}") from error


def _texts(file: str) -> Iterator[tuple[str, str]]:
    if file == "-":
        yield "standard input", sys.stdin.read()
        return
    path = Path(file)
    found = [path]
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.suffix in (".yaml", ".yml", ".json"))
    try:
        for each in found:
            yield str(each), each.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: {error}") from error


def _document(where: str, raw: Any) -> Document | str:
    if not isinstance(raw, dict):
        return "a manifest is one object with apiVersion, kind, metadata and spec"
    kind = next((kind for kind in KINDS if kind.name == raw.get("kind")), None)
    if kind is None or raw.get("apiVersion") != API_VERSION:
        known = ", ".join(kind.name for kind in KINDS)
        given = f"{raw.get('apiVersion')} {raw.get('kind')}"
        return f"{given} is none of ours; it applies {known} of {API_VERSION}"
    metadata = raw.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        return "metadata.name: a name is needed"
    return Document(where, raw, kind)


def _check(documents: list[Document]) -> list[str]:
    """What can be known without a cluster; an action that is not among them may be on it."""
    templates: dict[str, TemplateSpec] = {}
    workflows: list[tuple[Document, WorkflowSpec]] = []
    problems: list[str] = []
    for document in documents:
        model = next(item.spec for item in DEFINITIONS if item.name == document.kind.name)
        parsed: BaseModel | list[Problem] = parse(model, document.raw.get("spec") or {})
        match parsed:
            case TemplateSpec():
                local = "local/" if document.kind.name == "Template" else ""
                templates[f"{local}{document.name}"] = parsed
                problems += _said(document, validate_template(parsed))
            case WorkflowSpec():
                workflows.append((document, parsed))
            case list():
                problems += _said(document, parsed)
    for document, spec in workflows:
        known = {node.action for node in spec.nodes if node.action} <= templates.keys()
        if known:
            problems += _said(document, validate_workflow(spec, templates))
    return problems


def _said(document: Document, problems: list[Problem]) -> list[str]:
    return [f"{document.where}: {document.kind.name} {document.name}: {item}" for item in problems]


def _apply(cluster: Cluster, document: Document, *, dry_run: bool) -> str:
    namespace = document.raw["metadata"].get("namespace")
    if namespace and document.kind.namespaced:
        cluster.namespace = namespace
    query = {"fieldManager": FIELD_MANAGER} | ({"dryRun": "All"} if dry_run else {})
    before = cluster.find(document.kind, document.name)
    try:
        after = cluster.request(
            "PATCH",
            cluster.path(document.kind, document.name),
            query=query,
            body=document.raw,
            content_type=APPLY_PATCH,
        )
    except UsageError as error:
        raise UsageError(f"{document.where}: {error}") from error
    verb = "created" if before is None else "configured"
    if before and before["metadata"]["generation"] == after["metadata"].get("generation"):
        verb = "unchanged"
    return f"{document.kind.name.lower()}/{document.name} {verb}{' (dry run)' if dry_run else ''}"
