"""Generates CustomResourceDefinitions from the models of a kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel

from orchestrator.models.base import GROUP, VERSION
from orchestrator.models.columns import Column
from orchestrator.models.rules import ATOMIC_MAP, ROOT
from orchestrator.models.structural import structural

MAX_SIZE = 200 * 1024
"""Maximum size of a definition in bytes: client-side apply stores the whole manifest in an
annotation of at most 256 KiB."""
HEADER = "# Generated from the models by `make generate`; do not edit.\n"


@dataclass(frozen=True, slots=True)
class Kind:
    """A custom resource kind."""

    name: str
    plural: str
    short: str
    description: str
    spec: type[BaseModel]
    status: type[BaseModel]
    columns: tuple[Column, ...]
    namespaced: bool = True
    own_messages: bool = True
    """Whether the schema has its own messages for values of the spec that violate an `enum` or a
    pattern. Each write of a status evaluates these rules as well, so a kind whose status is written
    often has none."""
    selectable: tuple[str, ...] = ()


def custom_resource_definition(kind: Kind, *, own_messages: bool = True) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind; without `own_messages`, its schema has every `enum`
    and pattern."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                "categories": ["automation"],
            },
            "versions": [_version(kind, own_messages=own_messages and kind.own_messages)],
        },
    }


def render(kind: Kind) -> str:
    """The definition as YAML, with a header. Raises ValueError if it exceeds MAX_SIZE."""
    body = yaml.dump(
        custom_resource_definition(kind),
        Dumper=_Plain,
        sort_keys=False,
        width=100,
        allow_unicode=True,
    )
    text = HEADER + body
    if len(text.encode()) > MAX_SIZE:
        raise ValueError(f"the definition of {kind.name} exceeds {MAX_SIZE} bytes")
    return text


class _Plain(yaml.SafeDumper):
    """A dumper without anchors, which make YAML hard to read."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the base class's signature
        return True


def _version(kind: Kind, *, own_messages: bool) -> dict[str, Any]:
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _schema(kind, own_messages=own_messages)},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(column) for column in kind.columns],
    }
    if kind.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in kind.selectable]
    return version


def _schema(kind: Kind, *, own_messages: bool) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "description": kind.description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"{GROUP}/{VERSION}."},
            "kind": {"type": "string", "description": f"{kind.name}."},
            "metadata": {"type": "object"},
            "spec": {
                **structural(kind.spec, own_messages=own_messages),
                "description": _first_line(kind.spec),
            },
            "status": {
                **structural(kind.status),
                "description": _first_line(kind.status),
                **ATOMIC_MAP,
            },
        },
    }
    if kind.name in ROOT:
        schema["x-kubernetes-validations"] = ROOT[kind.name]
    return schema


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def _column(column: Column) -> dict[str, Any]:
    raw: dict[str, Any] = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return raw | ({"priority": column.priority} if column.priority else {})
