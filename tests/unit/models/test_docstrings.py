"""Descriptions of fields, read from their docstrings where a schema is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import Field, create_model

from orchestrator.crds import KINDS
from orchestrator.models.base import Model
from orchestrator.models.crd import Kind, custom_resource_definition
from orchestrator.models.docstrings import description

PRESERVED = ("true", "false")
"""Keys that the API server reads from YAML 1.1; their schema only keeps them."""


class Server(Model):
    """A server."""

    listen_port: int
    """Port on which
    it listens."""
    name: str = Field(description="Its own description.")
    """A docstring that is not read."""
    weight: int = 0


class SecureServer(Server):
    """A server with a certificate."""

    weight: int = 1
    """Share of the requests."""
    peer: Server | None = None
    """The other one."""


def test_docstrings_are_the_descriptions_in_a_json_schema() -> None:
    schema = SecureServer.model_json_schema()
    texts = {name: each.get("description") for name, each in schema["properties"].items()}
    assert texts == {
        "listenPort": "Port on which\nit listens.",
        "name": "Its own description.",
        "weight": "Share of the requests.",
        "peer": "The other one.",
    }
    inner = schema["$defs"]["Server"]["properties"]
    assert inner["listenPort"]["description"] == "Port on which\nit listens."
    assert "description" not in inner["weight"]


def test_a_model_made_by_a_function_has_the_descriptions_of_its_base_and_its_own() -> None:
    made = create_model(
        "Made", __base__=SecureServer, extra=(int, Field(0, description="One more."))
    )
    properties = made.model_json_schema()["properties"]
    assert properties["weight"]["description"] == "Share of the requests."
    assert properties["extra"]["description"] == "One more."
    assert description(made, "extra") == "One more."
    assert description(made, "weight") == "Share of the requests."


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_field_of_a_kind_has_a_description(kind: Kind) -> None:
    (version,) = custom_resource_definition(kind)["spec"]["versions"]
    assert [*_undescribed(version["schema"]["openAPIV3Schema"], "")] == []


def _undescribed(schema: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, each in schema.get("properties", {}).items():
        if not path and name in ("apiVersion", "kind", "metadata"):
            continue
        if not each.get("description") and name not in PRESERVED:
            yield f"{path}.{name}"
        yield from _undescribed(each, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), Mapping):
            yield from _undescribed(schema[inner], f"{path}[]")
