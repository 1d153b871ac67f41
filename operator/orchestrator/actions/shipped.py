"""Reads and checks the Templates of the catalogue, generated from an action or written as YAML.

Each Template must describe all of its parameters and outputs, and have a valid example.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from orchestrator.actions.registry import NAMES
from orchestrator.models.base import API_VERSION
from orchestrator.models.labels import EXAMPLE
from orchestrator.models.template import Parameter, TemplateOutput, TemplateSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.operations.errors import CommandError
from orchestrator.operations.new_workflow import new_workflow
from orchestrator.validation.parse import parse
from orchestrator.validation.problem import Problem, join
from orchestrator.validation.template import validate_template
from orchestrator.validation.workflow import validate_workflow

RUN = ("orchestrator", "action")
"""The command that runs an action of this image."""
_EXAMPLE_PATH = join("metadata.annotations", EXAMPLE)


@dataclass(frozen=True)
class Shipped:
    """A Template of the catalogue."""

    name: str
    spec: TemplateSpec
    raw: Mapping[str, Any]
    """The spec as written."""
    example: str
    """YAML: the spec of a Workflow that uses the action, or the parameters of a whole workflow."""


def read(text: str, stem: str) -> Shipped | list[Problem]:
    """The Template in a file whose stem is its name, or the problems of the file."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return [Problem("", f"is not YAML: {' '.join(str(error).split())}")]
    if not isinstance(raw, dict) or raw.get("kind") != "ClusterTemplate":
        return [Problem("kind", "must be ClusterTemplate")]
    if raw.get("apiVersion") != API_VERSION:
        return [Problem("apiVersion", f"must be {API_VERSION}")]
    metadata = raw.get("metadata") or {}
    if metadata.get("name") != stem:
        return [Problem("metadata.name", f"must be {stem!r}, the name of the file")]
    spec = parse(TemplateSpec, raw.get("spec") or {})
    if not isinstance(spec, TemplateSpec):
        return spec
    example = (metadata.get("annotations") or {}).get(EXAMPLE, "")
    return Shipped(stem, spec, raw["spec"], example)


def read_all(folder: Path) -> tuple[list[Shipped], list[str]]:
    """The valid Templates of a folder, sorted by name, and the problems of the others."""
    valid: list[Shipped] = []
    messages: list[str] = []
    for path in sorted(folder.glob("*.yaml")):
        shipped = read(path.read_text(encoding="utf-8"), path.stem)
        if isinstance(shipped, Shipped):
            valid.append(shipped)
        else:
            messages += [f"{path}: {problem}" for problem in shipped]
    return valid, messages


def problems(shipped: Shipped, templates: Mapping[str, TemplateSpec]) -> list[Problem]:
    """The problems of a Template; `templates` are all Templates of the catalogue by name."""
    return [
        *validate_template(shipped.spec, templates),
        *_undescribed(shipped.spec),
        *_unknown_action(shipped.spec),
        *_example(shipped, templates),
    ]


def _undescribed(spec: TemplateSpec) -> Iterator[Problem]:
    for field in ("title", "description", "category"):
        if not getattr(spec, field).strip():
            yield Problem(f"spec.{field}", "must not be empty")
    lists: tuple[tuple[str, Sequence[Parameter | TemplateOutput]], ...] = (
        ("parameters", spec.parameters),
        ("outputs", spec.outputs),
    )
    for field, declared in lists:
        for i, each in enumerate(declared):
            if not each.description.strip():
                path = f"spec.{field}[{i}].description"
                yield Problem(path, f"must describe {each.name!r}")


def _unknown_action(spec: TemplateSpec) -> Iterator[Problem]:
    """The problem of an action that the image does not contain."""
    command = tuple(spec.action.command or ()) if spec.action else ()
    if command[:2] == RUN and command[2:3] and command[2] not in NAMES:
        message = f"there is no action {command[2]!r} in orchestrator.actions.registry"
        yield Problem("spec.action.command[2]", message)


def _example(shipped: Shipped, templates: Mapping[str, TemplateSpec]) -> Iterator[Problem]:
    whole = shipped.spec.workflow is not None
    if not shipped.example.strip():
        content = "values of the parameters" if whole else "the spec of a Workflow that uses it"
        yield Problem(_EXAMPLE_PATH, f"must contain {content}, as YAML")
        return
    try:
        raw: Any = yaml.safe_load(shipped.example)
    except yaml.YAMLError as error:
        yield Problem(_EXAMPLE_PATH, f"is not YAML: {' '.join(str(error).split())}")
        return
    if whole:
        try:
            values = raw if isinstance(raw, dict) else {}
            raw = new_workflow(shipped.name, shipped.raw, values)["spec"]
        except CommandError as error:
            raw = list(error.problems)
    example = raw if isinstance(raw, list) else parse(WorkflowSpec, raw)
    found = example if isinstance(example, list) else validate_workflow(example, templates)
    for problem in found:
        yield Problem(_EXAMPLE_PATH, str(problem))
    if whole or not isinstance(example, WorkflowSpec):
        return
    if shipped.name not in {node.action for node in example.nodes}:
        yield Problem(_EXAMPLE_PATH, f"no node has the action {shipped.name!r}")
