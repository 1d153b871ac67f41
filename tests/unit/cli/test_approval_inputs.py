"""Inputs of approvals from the command line, in the types of their schema."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.cli.approval_inputs import flag_of, read_inputs
from orchestrator.operations.inputs import fields_of
from orchestrator.session.errors import UsageError


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "string"}, "12", "12"),
        ({"type": "string"}, "true", "true"),
        ({"type": "string"}, "", ""),
        ({"type": "string"}, '"quoted"', '"quoted"'),
        ({"type": "string"}, "a=b", "a=b"),
        ({"type": "string"}, "naïve 🚀", "naïve 🚀"),
        ({"type": "integer"}, "-3", -3),
        ({"type": "integer"}, "3.0", 3.0),
        ({"type": "number"}, "1e3", 1000.0),
        ({"type": "boolean"}, "false", False),
        ({"type": "array"}, "[1, null]", [1, None]),
        ({"type": "object"}, '{"a": null}', {"a": None}),
        ({"type": "null"}, "null", None),
        ({"type": ["string", "null"]}, "null", None),
        ({"type": ["string", "null"]}, "none", "none"),
        ({"type": ["string", "integer"]}, "3", 3),
        ({"type": ["integer", "string"]}, "3x", "3x"),
        ({"enum": ["1", "2"]}, "1", "1"),
        ({"enum": [1, 2]}, "1", 1),
        ({"enum": [True, 1]}, "1", 1),
        ({"const": "yes"}, "yes", "yes"),
        ({}, "3", 3),
        ({}, "text", "text"),
        ({}, "NaN", "NaN"),
    ],
)
def test_a_text_becomes_a_value_of_the_schemas_type(
    schema: dict[str, Any], text: str, value: Any
) -> None:
    fields = fields_of({"properties": {"it": schema}})
    read = read_inputs(fields, [f"it={text}"])["it"]
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("integer", "3.5", "integer expected, such as it=3"),
        ("integer", "true", "integer expected"),
        ("integer", '"3"', "integer expected"),
        ("number", "Infinity", "number expected, such as it=0.5"),
        ("boolean", "yes", "boolean expected, such as it=true"),
        ("array", "a,b", "array expected"),
        ("object", "[" * 100_000, "object expected"),
    ],
)
def test_a_text_of_another_type_is_refused_with_an_example(
    kind: str, text: str, words: str
) -> None:
    fields = fields_of({"properties": {"it": {"type": kind}}})
    with pytest.raises(UsageError, match=words):
        read_inputs(fields, [f"it={text}"])


def test_a_name_without_a_value_or_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="write NAME=VALUE"):
        read_inputs([], ["ticket"])
    with pytest.raises(UsageError, match="write NAME=VALUE"):
        read_inputs([], ["=1"])
    with pytest.raises(UsageError, match="given twice"):
        read_inputs([], ["a=1", "a=2"])


def test_what_is_typed_for_an_input_is_an_example_of_it() -> None:
    properties = {"size": {"enum": ["small", "large"]}}
    fields = fields_of({"required": ["why", "size"], "properties": properties})
    assert [flag_of(field) for field in fields] == ["--input why=VALUE", "--input size=small"]
