"""The shipped Templates agree with the actions behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from orchestrator.actions.action import Action
from orchestrator.actions.catalog import render
from orchestrator.actions.main import find
from orchestrator.actions.registry import every
from orchestrator.models.template import TemplateSpec

FOLDER = Path(__file__).parents[3] / "manifests/catalog/actions"
JSON_TYPES = {"secret": "string", "list": "array"}

actions = pytest.mark.parametrize("action", every(), ids=lambda action: action.name)


def spec(action: Action[Any, Any]) -> TemplateSpec:
    manifest = yaml.safe_load((FOLDER / f"{action.name}.yaml").read_text())
    assert (manifest["kind"], manifest["metadata"]["name"]) == ("ClusterTemplate", action.name)
    return TemplateSpec.model_validate(manifest["spec"])


def json_types(schema: dict[str, Any], definitions: dict[str, Any]) -> set[str]:
    """The types that a field's JSON Schema allows, null aside."""
    if "$ref" in schema:
        return json_types(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return set().union(*(json_types(each, definitions) for each in schema["anyOf"]))
    return {schema["type"]} - {"null"}


@actions
def test_the_file_is_what_the_action_says(action: Action[Any, Any]) -> None:
    assert (FOLDER / f"{action.name}.yaml").read_text() == render(action)


@actions
def test_parameters_agree_in_name_type_and_need(action: Action[Any, Any]) -> None:
    schema = TypeAdapter(action.parameters).json_schema(by_alias=True)
    parameters = spec(action).parameters
    assert [each.name for each in parameters] == list(schema["properties"])
    for each in parameters:
        field = schema["properties"][each.name]
        expected = JSON_TYPES.get(each.type.value, each.type.value)
        assert json_types(field, schema.get("$defs", {})) == {expected}, each.name
        assert each.required == (each.name in schema.get("required", [])), each.name
        assert each.description, each.name


@actions
def test_outputs_agree_in_name_type_and_need(action: Action[Any, Any]) -> None:
    schema = TypeAdapter(action.outputs).json_schema(by_alias=True)
    outputs = spec(action).outputs
    assert [each.name for each in outputs] == list(schema["properties"])
    for each in outputs:
        field = schema["properties"][each.name]
        expected = JSON_TYPES.get(each.type.value, each.type.value)
        assert json_types(field, schema.get("$defs", {})) == {expected}, each.name
        assert each.required == (each.name in schema.get("required", [])), each.name


@actions
def test_what_may_be_left_out_is_never_required(action: Action[Any, Any]) -> None:
    required = {each.name for each in spec(action).outputs if each.required}
    lists = {name for name in action.outputs.bulky if name in action.outputs.model_fields}
    objects = {each.name for each in spec(action).outputs if each.type == "object"}
    assert not required & lists & objects


def test_defaults_are_those_of_the_models() -> None:
    for action in every():
        for each in spec(action).parameters:
            if each.default is not None:
                (field,) = (
                    field
                    for name, field in action.parameters.model_fields.items()
                    if (field.alias or name) == each.name
                )
                assert each.default == field.default, f"{action.name} {each.name}"


def test_every_shipped_template_has_its_action() -> None:
    files = {path.stem for path in FOLDER.glob("*.yaml")}
    assert files == {action.name for action in every()}
    for name in files:
        assert find(name).name == name
