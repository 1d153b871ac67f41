"""Schemas that refuse in our words: they lose nothing that a reader of the schema needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from orchestrator.crds import KINDS
from orchestrator.models.base import APPROVER_PATTERN
from orchestrator.models.crd import Kind, custom_resource_definition

OWN_MESSAGES = [kind for kind in KINDS if kind.own_messages]


def strings(kind: Kind, *, own_messages: bool) -> dict[str, Mapping[str, Any]]:
    """The schemas of the strings of a spec, by path."""
    (version,) = custom_resource_definition(kind, own_messages=own_messages)["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return dict(_strings(spec, "spec"))


def _strings(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if schema.get("type") == "string":
        yield path, schema
    inside = dict(schema.get("properties", {}))
    inside |= {key: schema[key] for key in ("items", "additionalProperties") if key in schema}
    for name, each in inside.items():
        if isinstance(each, Mapping):
            yield from _strings(each, f"{path}.{name}")


@pytest.mark.parametrize("kind", OWN_MESSAGES, ids=lambda kind: kind.name)
def test_the_values_of_an_enumeration_are_in_its_description(kind: Kind) -> None:
    schemas = strings(kind, own_messages=True)
    for path, schema in strings(kind, own_messages=False).items():
        if "enum" in schema:
            assert schemas[path]["description"].endswith(f"One of {', '.join(schema['enum'])}.")
            assert all(f'"{value}"' in _rule(schemas[path]) for value in schema["enum"])


def _rule(schema: Mapping[str, Any]) -> str:
    (rule,) = schema["x-kubernetes-validations"]
    text: str = rule["rule"]
    return text


@pytest.mark.parametrize("kind", OWN_MESSAGES, ids=lambda kind: kind.name)
def test_the_api_server_has_words_of_its_own_only_for_approvers_and_rights(kind: Kind) -> None:
    for path, schema in strings(kind, own_messages=True).items():
        assert "enum" not in schema
        if schema.get("pattern") not in (None, APPROVER_PATTERN):
            assert path.startswith("spec.rights.")


def test_a_status_and_an_execution_have_no_rules_for_strings() -> None:
    for kind in KINDS:
        (version,) = custom_resource_definition(kind)["spec"]["versions"]
        properties = version["schema"]["openAPIV3Schema"]["properties"]
        parts = ["status"] if kind.own_messages else ["spec", "status"]
        for part in parts:
            for path, schema in _strings(properties[part], part):
                assert "x-kubernetes-validations" not in schema, (kind.name, path)
