"""Parses a manifest into a model, with pydantic's errors as messages for the author."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from orchestrator.expressions.errors import kind
from orchestrator.models.messages import meant, one_of
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.validation.annotations import Location, annotation_at, fields_of, model_and_field
from orchestrator.validation.problem import MAX_PROBLEMS, Problem, join
from orchestrator.validation.suggestions import fields, patterns, shapes
from orchestrator.validation.suggestions.field_types import EXAMPLES
from orchestrator.validation.suggestions.patterns import shown
from orchestrator.validation.suggestions.proposals import text_of
from orchestrator.validation.suggestions.table import ON

M = TypeVar("M", bound=BaseModel)

YAML_BOOLEAN_KEY = (
    "a key is the boolean {}: YAML reads an unquoted y, n, yes, no, on or off as a boolean;"
    " quote it"
)


def parse(model: type[M], raw: Any, root: str = "spec") -> M | list[Problem]:
    """The model of part of a manifest, or its problems, at most 50."""
    problems = list(islice(_non_string_keys(model, raw, root), MAX_PROBLEMS))
    if problems:
        return problems
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True)
        return [_problem(model, detail, root, raw) for detail in details[:MAX_PROBLEMS]]


def _non_string_keys(model: type[BaseModel], raw: Any, root: str) -> Iterator[Problem]:
    """Keys that are not strings, such as an unquoted `on` in YAML."""
    stack = [(raw, root)]
    while stack:
        value, path = stack.pop()
        if isinstance(value, dict):
            for key, item in value.items():
                if isinstance(key, str):
                    stack.append((item, join(path, key)))
                elif isinstance(key, bool):
                    hint = f"; {ON}" if key and path == root and model is WorkflowSpec else ""
                    yield Problem(path, YAML_BOOLEAN_KEY.format(str(key).lower()) + hint)
                else:
                    yield Problem(path, f"the key {str(key)[:64]} must be a string; quote it")
        elif isinstance(value, list):
            stack.extend((item, join(path, index)) for index, item in enumerate(value))


def _problem(model: type[BaseModel], detail: ErrorDetails, root: str, raw: Any) -> Problem:
    location: Location = detail["loc"]
    if location and location[-1] == "[key]":
        message = f"a key is wrong: {_message(model, detail, location)}"
        return Problem(join(root, *location[:-2]), message)
    if detail["type"] == "extra_forbidden":
        message = _unknown_field(model, location, detail["input"], raw)
        return Problem(join(root, *location[:-1]), message)
    return Problem(join(root, *location), _message(model, detail, location))


def _unknown_field(model: type[BaseModel], location: Location, value: Any, raw: Any) -> str:
    field = str(location[-1])
    if field in ("true", "false"):
        return YAML_BOOLEAN_KEY.format(field)
    names = fields_of(model, location[:-1])
    owner, _ = model_and_field(model, location)
    hint = fields.hint_for(owner, field, value, _value_at(raw, location[:-1]))
    if not hint and field not in names:
        hint = _level_of(model, location, names)
    if hint:
        return f"there is no field {field[:64]!r}; {hint}"
    near = did_you_mean(field, names)
    listed = "" if near else f"; the fields are {', '.join(names)}"
    return f"there is no field {field[:64]!r}{near or listed}"


def _level_of(model: type[BaseModel], location: Location, names: list[str]) -> str:
    """The level at which a field of this name exists: in a parent, or inside a sibling."""
    field = str(location[-1])
    for end in range(len(location) - 2, -1, -1):
        if field in fields_of(model, location[:end]):
            where = join("spec", *location[:end])
            return f"it is a field of {where}, further up"
    inside = [name for name in names if field in fields_of(model, (*location[:-1], name))]
    return f"it is a field of {' and '.join(inside)}, further down" if 0 < len(inside) < 4 else ""


def _value_at(raw: Any, location: Location) -> Any:
    """The value at a location of the manifest; None if there is none."""
    try:
        for step in location:
            raw = raw[step]
    except (LookupError, TypeError):
        return None
    return raw


def _message(model: type[BaseModel], detail: ErrorDetails, location: Location) -> str:
    value, context = detail["input"], detail.get("ctx", {})
    field = model_and_field(model, location)
    match detail["type"]:
        case "missing":
            example = EXAMPLES.get(field, "")
            return f"is required; {example}" if example else "is required"
        case "enum":
            return _not_allowed(annotation_at(model, location), value)
        case "string_pattern_mismatch":
            return patterns.mismatch(str(context["pattern"]), value)
        case "string_too_long":
            return f"has {len(value)} characters; at most {context['max_length']} are allowed"
        case "string_too_short":
            if not value:
                return "must not be empty"
            return f"has {len(value)} characters; at least {context['min_length']} are required"
        case "too_long":
            return f"has {context['actual_length']} entries; {context['max_length']} are allowed"
        case "too_short":
            if context["actual_length"] == 0 and field in EXAMPLES:
                return f"is required; {EXAMPLES[field]}"
            return f"has too few entries; at least {context['min_length']} must be given"
        case "greater_than_equal":
            return f"must be at least {context['ge']}, not {shown(value)}"
        case "less_than_equal":
            return f"must be at most {context['le']}, not {shown(value)}"
        case other:
            return _wrong_type(other, value, detail["msg"], shapes.hint_for(*field, value))


_EXPECTED = {
    "string": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "an object",
    "model": "an object",
    "model_attributes": "an object",
}


def _wrong_type(error: str, value: Any, message: str, proposal: str) -> str:
    expected = _EXPECTED.get(error.removesuffix("_type").removesuffix("_parsing"))
    if error == "int_from_float":
        expected = "an integer"
    if expected is None:
        return message[:1].lower() + message[1:]
    hint = f"; {proposal}" if proposal else ""
    if hint and expected == "a string" and isinstance(value, bool):
        hint = f"; quote it: {proposal}"
    elif not hint and expected == "a string" and isinstance(value, bool):
        hint = "; YAML reads an unquoted yes, no, on, off, y or n as a boolean: quote it"
    elif not hint and expected == "a string" and isinstance(value, int | float):
        hint = "; quote it"
    return f"must be {expected}, not {kind(value)}{hint}"


def _not_allowed(enum: Any, value: Any) -> str:
    if not (isinstance(enum, type) and issubclass(enum, Enum)):
        return f"{shown(value)} is not allowed"
    allowed = tuple(str(member.value) for member in enum)
    if isinstance(value, str):
        return one_of(allowed, enum.__name__).of(value)
    hint = meant(allowed, enum.__name__).of(text_of(value))
    return f"must be one of {', '.join(allowed)}, not {shown(value)}{hint}"
