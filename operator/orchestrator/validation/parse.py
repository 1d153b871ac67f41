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
from orchestrator.validation.annotations import Location, annotation_at, fields_of, place_of
from orchestrator.validation.familiar import fields, patterns, shapes
from orchestrator.validation.familiar.field_types import EXAMPLES
from orchestrator.validation.familiar.patterns import shown
from orchestrator.validation.familiar.proposals import text_of
from orchestrator.validation.familiar.table import ON
from orchestrator.validation.problem import MAX_PROBLEMS, Problem, join

M = TypeVar("M", bound=BaseModel)

YAML_BOOLEAN_KEY = (
    "a key is the boolean {}: YAML reads an unquoted y, n, yes, no, on or off as a boolean;"
    " quote it"
)


def parse(model: type[M], raw: Any, root: str = "spec") -> M | list[Problem]:
    """The model of part of a manifest, or its problems, at most 50."""
    keys = list(islice(_odd_keys(model, raw, root), MAX_PROBLEMS))
    if keys:
        return keys
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True)
        return [_problem(model, detail, root, raw) for detail in details[:MAX_PROBLEMS]]


def _odd_keys(model: type[BaseModel], raw: Any, root: str) -> Iterator[Problem]:
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
        return Problem(join(root, *location[:-1]), _unknown(model, location, detail["input"], raw))
    return Problem(join(root, *location), _message(model, detail, location))


def _unknown(model: type[BaseModel], location: Location, given: Any, raw: Any) -> str:
    field = str(location[-1])
    if field in ("true", "false"):
        return YAML_BOOLEAN_KEY.format(field)
    names = fields_of(model, location[:-1])
    owner, _ = place_of(model, location)
    hint = fields.hint_for(owner, field, given, _inside_raw(raw, location[:-1]))
    if not hint and field not in names:
        hint = _belongs(model, location, names)
    if hint:
        return f"there is no field {field[:64]!r}; {hint}"
    near = did_you_mean(field, names)
    listed = "" if near else f"; the fields are {', '.join(names)}"
    return f"there is no field {field[:64]!r}{near or listed}"


def _belongs(model: type[BaseModel], location: Location, names: list[str]) -> str:
    """Where a field of this name exists: in a parent, or inside one of the fields here."""
    field = str(location[-1])
    for end in range(len(location) - 2, -1, -1):
        if field in fields_of(model, location[:end]):
            where = join("spec", *location[:end])
            return f"it is a field of {where}, further up"
    inside = [name for name in names if field in fields_of(model, (*location[:-1], name))]
    return f"it is a field of {' and '.join(inside)}, further down" if 0 < len(inside) < 4 else ""


def _inside_raw(raw: Any, location: Location) -> Any:
    """The value at a location of the manifest; None if there is none."""
    try:
        for step in location:
            raw = raw[step]
    except (LookupError, TypeError):
        return None
    return raw


def _message(model: type[BaseModel], detail: ErrorDetails, location: Location) -> str:
    given, context = detail["input"], detail.get("ctx", {})
    place = place_of(model, location)
    match detail["type"]:
        case "missing":
            example = EXAMPLES.get(place, "")
            return f"is required; {example}" if example else "is required"
        case "enum":
            return _not_allowed(annotation_at(model, location), given)
        case "string_pattern_mismatch":
            return patterns.mismatch(str(context["pattern"]), given)
        case "string_too_long":
            return f"has {len(given)} characters; at most {context['max_length']} are allowed"
        case "string_too_short":
            if not given:
                return "must not be empty"
            return f"has {len(given)} characters; at least {context['min_length']} are required"
        case "too_long":
            return f"has {context['actual_length']} entries; {context['max_length']} are allowed"
        case "too_short":
            if context["actual_length"] == 0 and place in EXAMPLES:
                return f"is required; {EXAMPLES[place]}"
            return f"has too few entries; at least {context['min_length']} must be given"
        case "greater_than_equal":
            return f"must be at least {context['ge']}, not {shown(given)}"
        case "less_than_equal":
            return f"must be at most {context['le']}, not {shown(given)}"
        case other:
            return _wrong_type(other, given, detail["msg"], shapes.hint_for(*place, given))


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


def _wrong_type(error: str, given: Any, message: str, proposal: str) -> str:
    expected = _EXPECTED.get(error.removesuffix("_type").removesuffix("_parsing"))
    if error == "int_from_float":
        expected = "an integer"
    if expected is None:
        return message[:1].lower() + message[1:]
    hint = f"; {proposal}" if proposal else ""
    if hint and expected == "a string" and isinstance(given, bool):
        hint = f"; quote it: {proposal}"
    elif not hint and expected == "a string" and isinstance(given, bool):
        hint = "; YAML reads an unquoted yes, no, on, off, y or n as a boolean: quote it"
    elif not hint and expected == "a string" and isinstance(given, int | float):
        hint = "; quote it"
    return f"must be {expected}, not {kind(given)}{hint}"


def _not_allowed(enum: Any, given: Any) -> str:
    if not (isinstance(enum, type) and issubclass(enum, Enum)):
        return f"{shown(given)} is not allowed"
    allowed = tuple(str(member.value) for member in enum)
    if isinstance(given, str):
        return one_of(allowed, enum.__name__).of(given)
    hint = meant(allowed, enum.__name__).of(text_of(given))
    return f"must be one of {', '.join(allowed)}, not {shown(given)}{hint}"
