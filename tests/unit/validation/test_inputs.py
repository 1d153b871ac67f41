"""What approvers fill in: which schemas may ask for it, and what counts as an answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from orchestrator.expressions.budget import MAX_WORK, Account, paid_by
from orchestrator.validation.inputs import MAX_INPUTS, check_inputs
from orchestrator.validation.schemas import MAX_SCHEMA, check_schema


def problems(schema: dict[str, Any]) -> list[str]:
    return [f"{path}: {message}" for path, message in check_schema("inputs", schema)]


def object_of(**properties: Any) -> dict[str, Any]:
    return {"properties": properties}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = object_of(a=schema)
    return schema


ALLOWED = [
    {},
    {"type": "object", "required": ["ticket"], "properties": {"ticket": {"pattern": "OPS-[0-9]+"}}},
    object_of(hosts={"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
    object_of(level={"enum": ["low", "high", 3, None], "title": "Level", "default": "low"}),
    object_of(count={"type": ["integer", "null"], "minimum": 1, "exclusiveMaximum": 9.5}),
    {"additionalProperties": {"type": "string", "maxLength": 64}, "maxProperties": 8},
    {"additionalProperties": False, "properties": {"why": {"description": "…", "minLength": 1}}},
    nested(7),
]


@pytest.mark.parametrize("schema", ALLOWED, ids=range(len(ALLOWED)))
def test_bounded_keywords_are_allowed(schema: dict[str, Any]) -> None:
    assert problems(schema) == []


REFUSED = {
    "$ref": (
        {"$ref": "#"},
        "inputs['$ref']: $ref is not a supported keyword; write the referenced",
    ),
    "anyOf": (
        object_of(a={"anyOf": [{}]}),
        "inputs.properties.a.anyOf: anyOf is not a supported keyword",
    ),
    "not": ({"not": {}}, "inputs.not: not is not a supported keyword"),
    "patternProperties": ({"patternProperties": {"a": {}}}, "name the properties"),
    "a typing error": (object_of(a={"maxLenght": 3}), "did you mean 'maxLength'?"),
    "a type": (object_of(a={"type": "str"}), "inputs.properties.a.type: must be one of string,"),
    "a list": ({"type": "array"}, "inputs.type: inputs are an object"),
    "a count": (object_of(a={"minItems": -1}), ".minItems: must be an integer, 0 or more"),
    "a number": (object_of(a={"minimum": "1"}), ".minimum: must be a number"),
    "a pattern": (object_of(a={"pattern": "("}), ".pattern: '(' is not an RE2 pattern"),
    "a long pattern": (object_of(a={"pattern": ".{1000}"}), "bound the length by maxLength"),
    "a schema": (object_of(a=["string"]), "inputs.properties.a: must be a schema"),
    "items": (object_of(a={"items": True}), "inputs.properties.a.items: must be a schema"),
    "names": ({"required": "a"}, "inputs.required: must be a list of property names"),
    "many names": ({"required": ["a"] * 65}, "inputs.required: has 65 names; at most 64"),
    "enum": (object_of(a={"enum": []}), ".enum: must be a list of allowed values"),
    "too deep": (nested(8), "is nested deeper than 8 schemas"),
    "far too deep": (nested(100), "a value is nested more than 64 deep"),
    "too large": (object_of(a={"enum": ["x" * MAX_SCHEMA]}), "a schema is at most 16 KiB"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_whatever_could_cost_much_is_refused_with_its_path_and_the_fix(case: str) -> None:
    schema, words = REFUSED[case]
    assert words in "\n".join(problems(schema))


INPUTS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (object_of(a={"type": "integer"}), {"a": "1"}, "inputs.a: must be an integer, not a string"),
    (object_of(a={"type": "integer"}), {"a": True}, "inputs.a: must be an integer, not a boolean"),
    (object_of(a={"type": "integer"}), {"a": 2.0}, ""),
    (object_of(a={"enum": [1, "b"]}), {"a": 1.0}, ""),
    (object_of(a={"enum": [1, "b"]}), {"a": True}, 'inputs.a: must be one of 1, "b", not true'),
    (object_of(a={"const": {"x": 1}}), {"a": {"x": 2}}, 'inputs.a: must be {"x":1}'),
    (object_of(a={"pattern": "[a-z]+"}), {"a": "ab1"}, "inputs.a: must match '[a-z]+' as a whole"),
    (
        object_of(a={"uniqueItems": True}),
        {"a": [{"x": 1}, {"x": 1.0}]},
        "not contain an item twice",
    ),
    (object_of(a={"uniqueItems": True}), {"a": [1, True, "1", None, [1]]}, ""),
    (object_of(a={"minLength": 2}), {"a": "x"}, "must have at least 2 characters, not 1"),
    (
        object_of(a={"items": {"maximum": 3}}),
        {"a": [1, 4]},
        "inputs.a[1]: must be at most 3, not 4",
    ),
    ({"required": ["why"]}, {}, "inputs.why: is required"),
    ({**object_of(why={}), "additionalProperties": False}, {"whi": 1}, "did you mean 'why'?"),
    ({"additionalProperties": {"type": "string"}}, {"a": 1}, "inputs.a: must be a string"),
    ({"anyOf": [{}]}, {}, "which this release does not check"),
    ({"properties": {"a": True}}, {"a": 1}, "this release cannot check their schema"),
]


@pytest.mark.parametrize(("schema", "inputs", "words"), INPUTS, ids=range(len(INPUTS)))
def test_inputs_are_checked_in_words(
    schema: dict[str, Any], inputs: dict[str, Any], words: str
) -> None:
    found = check_inputs(schema, inputs)
    assert words in found
    assert bool(words) == bool(found)


def test_inputs_of_more_than_four_kilobytes_never_count() -> None:
    largest = {"a": "x" * (MAX_INPUTS - len('{"a":""}'))}
    assert check_inputs({}, largest) == ""
    assert "at most 4,096" in check_inputs({}, {"a": largest["a"] + "x"})
    assert "exceeds 4 KiB" in check_inputs({}, {"hosts": list(range(8_000))})


HEAVY: list[tuple[dict[str, Any], Any]] = [
    ({"uniqueItems": True}, list(range(1_000))),
    ({"uniqueItems": True}, [{"a": number} for number in range(300)]),
    ({"uniqueItems": True, "items": {"uniqueItems": True}}, [[number] for number in range(600)]),
    ({"items": {"pattern": "(?:.?){195}"}}, ["a" * 100] * 38),
    ({"pattern": "(?:.?){195}"}, "a" * 4_000),
    ({"items": {"enum": [f"name-{number}" for number in range(1_200)]}}, ["name-1199"] * 340),
    ({"items": {"type": ["null", "string", "integer"], "minimum": 0, "maximum": 9}}, [5] * 2_000),
    (
        {"additionalProperties": {"required": ["a"] * 64}},
        {f"k{n}": {"a": 1} for n in range(250)},
    ),
]


@pytest.mark.parametrize(("schema", "value"), HEAVY, ids=range(len(HEAVY)))
def test_the_heaviest_check_of_allowed_inputs_is_within_the_budget_of_one_evaluation(
    schema: dict[str, Any], value: Any
) -> None:
    assert problems(object_of(a=schema)) == []
    with paid_by(Account()) as account:
        check_inputs(object_of(a=schema), {"a": value})
    assert account.used <= MAX_WORK


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.0, 1.0, 1.5, "", "a", "ab"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=6,
)
_counts = st.integers(0, 3)
_plain_schemas = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", "number", "boolean", "array", "object"]),
        "enum": st.lists(_values, min_size=1, max_size=3),
        "const": _values,
        "minLength": _counts,
        "maxLength": _counts,
        "minimum": _counts,
        "exclusiveMaximum": _counts,
        "minItems": _counts,
        "maxItems": _counts,
        "uniqueItems": st.booleans(),
        "minProperties": _counts,
        "required": st.lists(st.sampled_from("ab"), unique=True),
        "additionalProperties": st.booleans(),
    },
)
_schemas = st.recursive(
    _plain_schemas,
    lambda inner: st.builds(
        lambda plain, items, properties, others: {
            **plain,
            "items": items,
            "properties": properties,
            "additionalProperties": others,
        },
        _plain_schemas,
        inner,
        st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
        st.booleans() | inner,
    ),
    max_leaves=4,
)


@given(_schemas, st.dictionaries(st.sampled_from("ab"), _values))
def test_inputs_fit_exactly_when_json_schema_says_so(
    schema: dict[str, Any], inputs: dict[str, Any]
) -> None:
    schema = {**schema, "type": "object"}
    assert problems(schema) == []
    valid = Draft202012Validator(schema).is_valid(inputs)
    assert (check_inputs(schema, inputs) == "") == valid
