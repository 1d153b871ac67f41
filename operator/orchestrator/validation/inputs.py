"""Checks the inputs of approvers against a schema that `schemas` has accepted.

A check takes linear time and is charged like an evaluation: equality compares canonical forms, and
patterns are RE2 and match the whole string, as everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from orchestrator.expressions import ExpressionError, full_match
from orchestrator.expressions.bounds import is_number, to_json
from orchestrator.expressions.budget import charge, memory, metered
from orchestrator.expressions.errors import kind
from orchestrator.models.base import Json
from orchestrator.models.nearest import did_you_mean
from orchestrator.validation.problem import join
from orchestrator.validation.schemas import KEYWORDS

MAX_INPUTS = 4096
"""Maximum size of one approver's inputs, in bytes of JSON."""

Finding = tuple[str, str]
Schema = Mapping[str, Any]


def check_size(inputs: Mapping[str, Json]) -> str:
    """The problem of inputs that are too large or cannot be stored, or an empty string."""
    try:
        size = len(to_json(dict(inputs), MAX_INPUTS))
    except ExpressionError as error:
        return f"{error}; inputs are at most {MAX_INPUTS // 1024} KiB"
    if size > MAX_INPUTS:
        return f"they are {size:,} bytes, and inputs are at most {MAX_INPUTS:,}"
    return ""


def check_inputs(schema: Mapping[str, Json], inputs: Mapping[str, Json]) -> str:
    """The problem of inputs of allowed size, or an empty string."""
    return check_size(inputs) or check_value("inputs", schema, dict(inputs))


def check_value(root: str, schema: Mapping[str, Json], value: Json) -> str:
    """The problem of a value of any size, whose path begins with `root`, or an empty string."""
    try:
        with metered():
            path, message = next(_check(root, schema, value), ("", ""))
    except ExpressionError as error:
        return str(error)
    except (AttributeError, LookupError, TypeError, ValueError):  # frozen by another release
        return "this release cannot check their schema"
    return f"{path}: {message}" if path else ""


def _check(path: str, schema: Schema, value: Json) -> Iterator[Finding]:
    """The problem of every keyword that the value does not satisfy."""
    for keyword, expected in schema.items():
        charge(2)
        if keyword in _CHECKS and (wrong := _CHECKS[keyword](expected, value)):
            yield path, wrong
        elif keyword not in KEYWORDS:  # frozen by another release
            yield path, f"its schema has {keyword!r}, which this release does not check"
    if isinstance(value, dict):
        yield from _inside_object(path, schema, value)
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _check(join(path, index), schema["items"], item)


def _inside_object(path: str, schema: Schema, value: dict[str, Any]) -> Iterator[Finding]:
    properties = schema.get("properties") or {}
    others = schema.get("additionalProperties", True)
    for name in schema.get("required") or ():
        charge(1)
        if name not in value:
            yield join(path, name), "is required"
    for name, item in value.items():
        charge(2)
        if name in properties:
            yield from _check(join(path, name), properties[name], item)
        elif others is False:
            yield join(path, name), f"is not an input{did_you_mean(name, properties)}"
        elif others is not True:
            yield from _check(join(path, name), others, item)


def _type(expected: Any, value: Json) -> str:
    names = expected if isinstance(expected, list) else [expected]
    if any(_TYPES[name](value) for name in names):
        return ""
    return f"must be {' or '.join(_DESCRIPTIONS[name] for name in names)}, not {kind(value)}"


def _is_integer(value: Json) -> bool:
    return type(value) is int or (type(value) is float and value.is_integer())


_TYPES: dict[str, Callable[[Json], bool]] = {
    "string": lambda value: type(value) is str,
    "integer": _is_integer,
    "number": is_number,
    "boolean": lambda value: type(value) is bool,
    "array": lambda value: type(value) is list,
    "object": lambda value: type(value) is dict,
    "null": lambda value: value is None,
}
_DESCRIPTIONS = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def _enum(expected: list[Any], value: Json) -> str:
    if _canonical(value) in _all_canonical(expected):
        return ""
    shown = ", ".join(_shown(item) for item in expected[:8])
    return f"must be one of {shown}{' …' if len(expected) > 8 else ''}, not {_shown(value)}"


def _const(expected: Any, value: Json) -> str:
    return "" if _canonical(value) == _canonical(expected) else f"must be {_shown(expected)}"


def _pattern(expected: str, value: Json) -> str:
    if type(value) is not str or full_match(expected, value):
        return ""
    return f"must match {expected!r} as a whole; {_shown(value)} does not"


def _unique(expected: bool, value: Json) -> str:
    if not expected or type(value) is not list:
        return ""
    distinct = {_canonical(item) for item in value}
    return "" if len(distinct) == len(value) else "must not contain an item twice"


def _min_length(types: tuple[type, ...], unit: str) -> Callable[[Any, Any], str]:
    return lambda expected, value: (
        f"must have at least {expected} {unit}, not {len(value)}"
        if type(value) in types and len(value) < expected
        else ""
    )


def _max_length(types: tuple[type, ...], unit: str) -> Callable[[Any, Any], str]:
    return lambda expected, value: (
        f"must have at most {expected} {unit}, not {len(value)}"
        if type(value) in types and len(value) > expected
        else ""
    )


def _bound(relation: str, holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], str]:
    return lambda expected, value: (
        f"must be {relation} {expected}, not {value}"
        if is_number(value) and not holds(value, expected)
        else ""
    )


_CHECKS: dict[str, Callable[[Any, Any], str]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "uniqueItems": _unique,
    "minLength": _min_length((str,), "characters"),
    "maxLength": _max_length((str,), "characters"),
    "minItems": _min_length((list,), "items"),
    "maxItems": _max_length((list,), "items"),
    "minProperties": _min_length((dict,), "keys"),
    "maxProperties": _max_length((dict,), "keys"),
    "minimum": _bound("at least", lambda value, expected: value >= expected),
    "maximum": _bound("at most", lambda value, expected: value <= expected),
    "exclusiveMinimum": _bound("more than", lambda value, expected: value > expected),
    "exclusiveMaximum": _bound("less than", lambda value, expected: value < expected),
}


def _all_canonical(values: list[Any]) -> frozenset[bytes]:
    cache = memory()
    if (key := ("enum", id(values))) not in cache:
        cache[key] = frozenset(_canonical(value) for value in values)
    cached: frozenset[bytes] = cache[key]
    return cached


def _canonical(value: Json) -> bytes:
    """The canonical form, which is the same only for equal values: 1 equals 1.0, but not true."""
    form = orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)
    charge(4 + len(form) // 16)
    return form


def _plain(value: Json) -> Json:
    charge(3)
    match value:
        case float() if value.is_integer() and abs(value) < 2.0**63:
            return int(value)
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case _:
            return value


def _shown(value: Json) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 64 else text[:63] + "…"
