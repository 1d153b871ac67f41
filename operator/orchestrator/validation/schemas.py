"""The JSON Schema of an approval's inputs, limited to keywords that are cheap to check.

A subset of https://json-schema.org/draft/2020-12 in which one schema applies to each value.
Keywords that apply several schemas (anyOf, $ref …) are excluded, so that checking inputs of at most
4 KiB never exceeds the budget of one evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from orchestrator.expressions import ExpressionError, check_pattern
from orchestrator.expressions.bounds import is_number, to_json
from orchestrator.models.base import Json
from orchestrator.models.nearest import did_you_mean, nearest
from orchestrator.validation.problem import join
from orchestrator.validation.suggestions.proposals import line, text_of

MAX_SCHEMA = 16 * 1024
"""Maximum size of a schema, in bytes of JSON."""
MAX_LEVELS = 8
"""Maximum nesting depth of schemas."""
MAX_PROGRAM = 1_800
"""Maximum size of a pattern's program in steps: `.{1,200}` has 1,600."""
MAX_REQUIRED = 64
"""Maximum number of names in `required`: each is searched in every object."""
TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")

_TYPE_OF = {
    "str": "string",
    "text": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "list": "array",
    "dict": "object",
    "map": "object",
}
Finding = tuple[str, str]
_Check = Callable[[str, Json], Iterator[Finding]]
_INSTEAD = {
    "$ref": "write the referenced schema in its place",
    "$defs": "write each schema where it is used",
    "anyOf": "write one schema, with enum for a choice of values",
    "oneOf": "write one schema, with enum for a choice of values",
    "allOf": "write its keywords in one schema",
    "patternProperties": "name the properties, or describe all others by additionalProperties",
}


def check_schema(path: str, schema: Mapping[str, Json]) -> Iterator[Finding]:
    """Problems of a schema, as path and message."""
    try:
        size = len(to_json(dict(schema), MAX_SCHEMA))
    except ExpressionError as error:
        yield path, f"{error}; a schema is at most {MAX_SCHEMA // 1024} KiB"
        return
    if size > MAX_SCHEMA:
        yield path, f"is {size:,} bytes; a schema is at most {MAX_SCHEMA // 1024} KiB"
        return
    if schema.get("type", "object") != "object":
        yield join(path, "type"), "inputs are an object: leave type out, or write object"
        return
    yield from _schema(path, schema, 1)


def _schema(path: str, schema: Json, level: int = 1) -> Iterator[Finding]:
    if not isinstance(schema, Mapping):
        yield path, "must be a schema, which is an object of keywords such as {type: string}"
        return
    if level > MAX_LEVELS:
        yield path, f"is nested deeper than {MAX_LEVELS} schemas"
        return
    for keyword, value in schema.items():
        where = join(path, keyword)
        if keyword in _INSIDE:
            yield from _INSIDE[keyword](where, value, level + 1)
        elif keyword in _KEYWORDS:
            yield from _KEYWORDS[keyword](where, value)
        else:
            instead = _INSTEAD.get(keyword) or _as_property(keyword, value, level)
            hint = f"; {instead}" if instead else did_you_mean(keyword, KEYWORDS)
            message = (
                f"{keyword[:64]} is not a supported keyword{hint or f'; supported are {_LISTED}'}"
            )
            yield where, message


def _as_property(keyword: str, value: Json, level: int) -> str:
    """The correct form of an input that is written as a keyword instead of in `properties`."""
    if level > 1 or did_you_mean(keyword, KEYWORDS):
        return ""
    has_type = isinstance(value, Mapping) and "type" in value
    if not has_type and not isinstance(value, str):
        return ""
    written = text_of(value.get("type") if isinstance(value, Mapping) else value).lower()
    kind = written if written in TYPES else _TYPE_OF.get(written, "string")
    return f"an input is a property: {line({'properties': {keyword: {'type': kind}}})}"


def _properties(path: str, value: Json, level: int) -> Iterator[Finding]:
    if not isinstance(value, Mapping):
        yield path, "must be an object with a schema for each property"
        return
    for name, schema in value.items():
        yield from _schema(join(path, name), schema, level)


def _others(path: str, value: Json, level: int) -> Iterator[Finding]:
    if not isinstance(value, bool):
        yield from _schema(path, value, level)


def _anything(path: str, value: Json) -> Iterator[Finding]:
    del path, value
    yield from ()


def _boolean(path: str, value: Json) -> Iterator[Finding]:
    if not isinstance(value, bool):
        yield path, "must be true or false"


def _number(path: str, value: Json) -> Iterator[Finding]:
    if not is_number(value):
        yield path, "must be a number"


def _count(path: str, value: Json) -> Iterator[Finding]:
    if type(value) is not int or value < 0:
        yield path, "must be an integer, 0 or more"


def _list(path: str, value: Json) -> Iterator[Finding]:
    if not isinstance(value, list) or not value:
        yield path, "must be a list of allowed values"


def _names(path: str, value: Json) -> Iterator[Finding]:
    if isinstance(value, bool):
        yield path, "must be a list of property names, beside properties: write `required: [NAME]`"
    elif not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        yield path, "must be a list of property names"
    elif len(value) > MAX_REQUIRED:
        yield path, f"has {len(value):,} names; at most {MAX_REQUIRED}"


def _type(path: str, value: Json) -> Iterator[Finding]:
    for name in value if isinstance(value, list) and value else [value]:
        if name not in TYPES:
            meant = _TYPE_OF.get(text_of(name).lower()) or nearest(text_of(name), TYPES)
            hint = f"; did you mean {meant!r}?" if meant else ""
            yield path, f"must be one of {', '.join(TYPES)}, or a list of them{hint}"
            return


def _pattern(path: str, value: Json) -> Iterator[Finding]:
    if not isinstance(value, str):
        yield path, "must be an RE2 pattern, as a string"
        return
    try:
        check_pattern(value, MAX_PROGRAM)
    except ExpressionError as error:
        yield path, f"{error}; bound the length by maxLength instead of large repeats"


_INSIDE: dict[str, Callable[[str, Json, int], Iterator[Finding]]] = {
    "properties": _properties,
    "additionalProperties": _others,
    "items": _schema,
}
"""Keywords with schemas inside them."""
_KEYWORDS: dict[str, _Check] = {
    "type": _type,
    "title": _anything,
    "description": _anything,
    "default": _anything,
    "examples": _anything,
    "enum": _list,
    "const": _anything,
    "pattern": _pattern,
    "minLength": _count,
    "maxLength": _count,
    "minimum": _number,
    "maximum": _number,
    "exclusiveMinimum": _number,
    "exclusiveMaximum": _number,
    "required": _names,
    "minProperties": _count,
    "maxProperties": _count,
    "minItems": _count,
    "maxItems": _count,
    "uniqueItems": _boolean,
}
KEYWORDS = (*_KEYWORDS, *_INSIDE)
"""All keywords that a schema may use."""
_LISTED = ", ".join(KEYWORDS)
