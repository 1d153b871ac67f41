"""Inputs of an approval as users type them: `--input NAME=VALUE`, converted to the declared
type."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

from orchestrator.operations.inputs import Field, as_text
from orchestrator.session.errors import UsageError

_PLACEHOLDERS = {
    "string": "TEXT",
    "integer": "3",
    "number": "0.5",
    "boolean": "true",
    "array": '["a", "b"]',
    "object": '{"a": 1}',
    "null": "null",
}
_NO_VALUE = object()


def flag_of(field: Field) -> str:
    """The option for one input, such as `--input ticket=TEXT`, quoted for a shell."""
    if field.choices:
        example = as_text(field.choices[0])
    else:
        example = _PLACEHOLDERS[field.types[0]] if field.types else "VALUE"
    return f"--input {shlex.quote(f'{field.name}={example}')}"


def read_inputs(fields: Sequence[Field], assignments: Sequence[str]) -> dict[str, Any]:
    """The values of `NAME=VALUE`, each converted to the type in its schema. Raises UsageError."""
    known = {field.name: field for field in fields}
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name:
            raise UsageError(f"--input {assignment}: write NAME=VALUE")
        if name in values:
            raise UsageError(f"--input {name}: given twice")
        values[name] = value_of(known.get(name), name, text)
    return values


def value_of(field: Field | None, name: str, text: str) -> Any:
    """A text as the value of an input. Raises UsageError, with an example of a valid value."""
    types = field.types if field is not None else ()
    parsed = _parsed(text)
    for choice in field.choices if field is not None else ():
        if text == choice or (parsed is not _NO_VALUE and _same(parsed, choice)):
            return choice
    if types == ("string",):
        return text
    if parsed is not _NO_VALUE and (not types or _type_of(parsed).intersection(types)):
        return parsed
    if not types or "string" in types:
        return text
    example = f"{name}={_PLACEHOLDERS[types[0]]}"
    raise UsageError(
        f"--input {name}={text[:64]}: {' or '.join(types)} expected, such as {shlex.quote(example)}"
    )


def _parsed(text: str) -> Any:
    """The text as JSON; `_NO_VALUE` if it is not JSON, or is a number that JSON does not have."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return _NO_VALUE


def _refuse(constant: str) -> Any:
    raise ValueError(f"JSON has no {constant}")


def _type_of(value: Any) -> set[str]:
    match value:
        case None:
            return {"null"}
        case bool():
            return {"boolean"}
        case int():
            return {"integer", "number"}
        case float():
            return {"number", "integer"} if value.is_integer() else {"number"}
        case str():
            return {"string"}
        case list():
            return {"array"}
        case _:
            return {"object"}


def _same(value: Any, other: Any) -> bool:
    """Equal as JSON values: `1` is not `true`."""
    return bool(value == other) and isinstance(value, bool) == isinstance(other, bool)
