"""Checks the inputs of approvers against a schema that `schemas` has accepted.

Linear in the inputs, and charged like an evaluation: equal values are found by their canonical
form, and patterns are RE2 and match the whole string, as everywhere else.
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
"""Maximum size of one person's inputs, in bytes of JSON."""

Found = tuple[str, str]
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
    if words := check_size(inputs):
        return words
    try:
        with metered():
            path, message = next(_check("inputs", schema, dict(inputs)), ("", ""))
    except ExpressionError as error:
        return str(error)
    except (AttributeError, LookupError, TypeError, ValueError):  # frozen by another release
        return "this release cannot check their schema"
    return f"{path}: {message}" if path else ""


def _check(path: str, schema: Schema, value: Json) -> Iterator[Found]:
    """The problem of every keyword that the value does not satisfy."""
    for keyword, wanted in schema.items():
        charge(2)
        if keyword in _CHECKS and (wrong := _CHECKS[keyword](wanted, value)):
            yield path, wrong
        elif keyword not in KEYWORDS:  # frozen by another release
            yield path, f"its schema has {keyword!r}, which this release does not check"
    if isinstance(value, dict):
        yield from _inside_object(path, schema, value)
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _check(join(path, index), schema["items"], item)


def _inside_object(path: str, schema: Schema, value: dict[str, Any]) -> Iterator[Found]:
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


def _type(wanted: Any, value: Json) -> str:
    names = wanted if isinstance(wanted, list) else [wanted]
    if any(_TYPES[name](value) for name in names):
        return ""
    return f"must be {' or '.join(_WORDS[name] for name in names)}, not {kind(value)}"


def _whole(value: Json) -> bool:
    return type(value) is int or (type(value) is float and value.is_integer())


_TYPES: dict[str, Callable[[Json], bool]] = {
    "string": lambda value: type(value) is str,
    "integer": _whole,
    "number": is_number,
    "boolean": lambda value: type(value) is bool,
    "array": lambda value: type(value) is list,
    "object": lambda value: type(value) is dict,
    "null": lambda value: value is None,
}
_WORDS = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def _enum(wanted: list[Any], value: Json) -> str:
    if _form(value) in _forms(wanted):
        return ""
    shown = ", ".join(_shown(item) for item in wanted[:8])
    return f"must be one of {shown}{' …' if len(wanted) > 8 else ''}, not {_shown(value)}"


def _const(wanted: Any, value: Json) -> str:
    return "" if _form(value) == _form(wanted) else f"must be {_shown(wanted)}"


def _pattern(wanted: str, value: Json) -> str:
    if type(value) is not str or full_match(wanted, value):
        return ""
    return f"must match {wanted!r} as a whole; {_shown(value)} does not"


def _unique(wanted: bool, value: Json) -> str:
    if not wanted or type(value) is not list or len({_form(item) for item in value}) == len(value):
        return ""
    return "must not contain an item twice"


def _least(types: tuple[type, ...], unit: str) -> Callable[[Any, Any], str]:
    return lambda wanted, value: (
        f"must have at least {wanted} {unit}, not {len(value)}"
        if type(value) in types and len(value) < wanted
        else ""
    )


def _most(types: tuple[type, ...], unit: str) -> Callable[[Any, Any], str]:
    return lambda wanted, value: (
        f"must have at most {wanted} {unit}, not {len(value)}"
        if type(value) in types and len(value) > wanted
        else ""
    )


def _bound(words: str, holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], str]:
    return lambda wanted, value: (
        f"must be {words} {wanted}, not {value}"
        if is_number(value) and not holds(value, wanted)
        else ""
    )


_CHECKS: dict[str, Callable[[Any, Any], str]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "uniqueItems": _unique,
    "minLength": _least((str,), "characters"),
    "maxLength": _most((str,), "characters"),
    "minItems": _least((list,), "items"),
    "maxItems": _most((list,), "items"),
    "minProperties": _least((dict,), "keys"),
    "maxProperties": _most((dict,), "keys"),
    "minimum": _bound("at least", lambda value, wanted: value >= wanted),
    "maximum": _bound("at most", lambda value, wanted: value <= wanted),
    "exclusiveMinimum": _bound("more than", lambda value, wanted: value > wanted),
    "exclusiveMaximum": _bound("less than", lambda value, wanted: value < wanted),
}


def _forms(values: list[Any]) -> frozenset[bytes]:
    known = memory()
    if (key := ("enum", id(values))) not in known:
        known[key] = frozenset(_form(value) for value in values)
    found: frozenset[bytes] = known[key]
    return found


def _form(value: Json) -> bytes:
    """A form that is equal exactly for equal values: 1 and 1.0 are equal, true and 1 are not."""
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
