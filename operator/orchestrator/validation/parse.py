"""From a manifest to a model, with pydantic's errors turned into words for the author."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from itertools import islice
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from orchestrator.expressions.errors import kind
from orchestrator.models.base import (
    DNS_LABEL_PATTERN,
    DNS_SUBDOMAIN_PATTERN,
    DURATION_PATTERN,
    IDENTIFIER_PATTERN,
)
from orchestrator.models.nearest import did_you_mean, nearest
from orchestrator.validation.problem import MAX_PROBLEMS, Problem, join

M = TypeVar("M", bound=BaseModel)
_Location = tuple[int | str, ...]

YAML_BOOLEAN_KEY = (
    "a key is the boolean {}: YAML reads an unquoted y, n, yes, no, on or off as a boolean;"
    " quote it"
)


def parse(model: type[M], raw: Any, root: str = "spec") -> M | list[Problem]:
    """The model of a raw manifest's part, or what is wrong with it, at most 50 problems."""
    keys = list(islice(_odd_keys(raw, root), MAX_PROBLEMS))
    if keys:
        return keys
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True)
        return [_problem(model, detail, root) for detail in details[:MAX_PROBLEMS]]


def _odd_keys(raw: Any, root: str) -> Iterator[Problem]:
    """Keys that are no strings: what Python's YAML makes of an unquoted `on`."""
    stack = [(raw, root)]
    while stack:
        value, path = stack.pop()
        if isinstance(value, dict):
            for key, item in value.items():
                if isinstance(key, str):
                    stack.append((item, join(path, key)))
                elif isinstance(key, bool):
                    yield Problem(path, YAML_BOOLEAN_KEY.format(str(key).lower()))
                else:
                    yield Problem(path, f"the key {str(key)[:64]} must be a string; quote it")
        elif isinstance(value, list):
            stack.extend((item, join(path, index)) for index, item in enumerate(value))


def _problem(model: type[BaseModel], detail: ErrorDetails, root: str) -> Problem:
    location: _Location = detail["loc"]
    if location and location[-1] == "[key]":
        message = f"a key is wrong: {_message(model, detail, location)}"
        return Problem(join(root, *location[:-2]), message)
    if detail["type"] == "extra_forbidden":
        return Problem(join(root, *location[:-1]), _unknown(model, location))
    return Problem(join(root, *location), _message(model, detail, location))


def _unknown(model: type[BaseModel], location: _Location) -> str:
    field = str(location[-1])
    if field in ("true", "false"):
        return YAML_BOOLEAN_KEY.format(field)
    fields = _fields(model, location[:-1])
    near = did_you_mean(field, fields)
    listed = "" if near else f"; the fields are {', '.join(fields)}"
    return f"there is no field {field[:64]!r}{near or listed}"


def _message(model: type[BaseModel], detail: ErrorDetails, location: _Location) -> str:
    given, context = detail["input"], detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return "is required"
        case "enum":
            return _not_allowed(_annotation(model, location), given)
        case "string_pattern_mismatch":
            return _pattern(str(context["pattern"]), given)
        case "string_too_long":
            return f"has {len(given)} characters; at most {context['max_length']} are allowed"
        case "string_too_short":
            if not given:
                return "must not be empty"
            return f"has {len(given)} characters; at least {context['min_length']} are required"
        case "too_long":
            return f"has {context['actual_length']} entries; {context['max_length']} are allowed"
        case "too_short":
            return f"has too few entries; at least {context['min_length']} must be given"
        case "greater_than_equal":
            return f"must be at least {context['ge']}, not {_value(given)}"
        case "less_than_equal":
            return f"must be at most {context['le']}, not {_value(given)}"
        case other:
            return _wrong_type(other, given, detail["msg"])


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


def _wrong_type(error: str, given: Any, message: str) -> str:
    expected = _EXPECTED.get(error.removesuffix("_type").removesuffix("_parsing"))
    if error == "int_from_float":
        expected = "an integer"
    if expected is None:
        return message[:1].lower() + message[1:]
    hint = ""
    if expected == "a string" and isinstance(given, bool):
        hint = "; YAML reads an unquoted yes, no, on, off, y or n as a boolean: quote it"
    elif expected == "a string" and isinstance(given, int | float):
        hint = "; quote it"
    return f"must be {expected}, not {kind(given)}{hint}"


def _not_allowed(enum: Any, given: Any) -> str:
    if not (isinstance(enum, type) and issubclass(enum, Enum)):
        return f"{_value(given)} is not allowed"
    allowed = [str(member.value) for member in enum]
    near = nearest(given, allowed) if isinstance(given, str) else None
    hint = f"; did you mean {near!r}?" if near else ""
    return f"must be one of {', '.join(allowed)}, not {_value(given)}{hint}"


def _pattern(pattern: str, given: str) -> str:
    shown = _value(given)
    match pattern:
        case str() if pattern == IDENTIFIER_PATTERN:
            proposal = identifier(given)
            write = f"; write {proposal!r}" if proposal else ""
            return f"{shown} is not a name: a lower-case letter, then letters, digits and _{write}"
        case str() if pattern == DURATION_PATTERN:
            return f"{shown} is not a duration; write one such as 30s, 5m, 1h30m or 500ms"
        case str() if pattern in (DNS_LABEL_PATTERN, DNS_SUBDOMAIN_PATTERN):
            return (
                f"{shown} is not a Kubernetes name: lower-case letters, digits and '-', with a"
                " letter or digit at both ends"
            )
    return f"{shown} does not match {pattern}"


def identifier(text: str) -> str:
    """The nearest identifier: `check_db` for `check-db`; empty when nothing can be kept."""
    words = re.sub(r"[^a-zA-Z0-9_]+", "_", text[:63]).lstrip("_0123456789")
    return words[:1].lower() + words[1:]


def _value(given: Any) -> str:
    text = repr(given) if isinstance(given, str | int | float) else kind(given)
    return text if len(text) <= 80 else text[:79] + "…"


def _fields(model: type[BaseModel], location: _Location) -> list[str]:
    found = _annotation(model, location)
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        return []
    return [field.alias or name for name, field in found.model_fields.items()]


def _annotation(model: type[BaseModel], location: _Location) -> Any:
    """The type that stands at a location of a model, without Optional."""
    found: Any = model
    for step in location:
        found = _inside(_plain(found), step)
    return _plain(found)


def _plain(annotation: Any) -> Any:
    """Without Optional and Annotated."""
    while get_origin(annotation) in (Annotated, Union, UnionType):
        annotation = next(a for a in get_args(annotation) if a is not type(None))
    return annotation


def _inside(annotation: Any, step: int | str) -> Any:
    """What stands under a key or index of a value of this type."""
    if get_origin(annotation) in (list, dict):
        return get_args(annotation)[-1]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return next((f.annotation for name, f in fields if step in (f.alias, name)), None)
    return None
