"""What an approval asks to be filled in: shown, read from `--input NAME=VALUE`, and asked for.

Types come from the approval's JSON Schema, by https://json-schema.org/draft/2020-12.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.cli.errors import UsageError
from orchestrator.models.nearest import did_you_mean

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


@dataclass(frozen=True, slots=True)
class Field:
    """One input; `types` are those its schema allows, none where it does not say."""

    name: str
    types: tuple[str, ...]
    required: bool
    description: str
    limits: str
    """What else its schema asks, in words."""
    choices: tuple[Any, ...]

    @property
    def words(self) -> str:
        """`ticket (string, required): the change`."""
        kind = " or ".join(self.types) or "any JSON value"
        traits = ", ".join(part for part in (kind, self.limits) if part)
        need = "required" if self.required else "optional"
        return f"{self.name} ({traits}, {need})" + (
            f": {self.description}" if self.description else ""
        )

    @property
    def flag(self) -> str:
        """`--input ticket=TEXT`, quoted for a shell."""
        if self.choices:
            example = _as_text(self.choices[0])
        else:
            example = _PLACEHOLDERS[self.types[0]] if self.types else "VALUE"
        return f"--input {shlex.quote(f'{self.name}={example}')}"


def fields_of(schema: Mapping[str, Any] | None) -> list[Field]:
    """The inputs that a schema names, the required ones first."""
    if not schema:
        return []
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    required = [name for name in schema.get("required") or () if isinstance(name, str)]
    names = dict.fromkeys([*required, *properties])
    return [_field(name, properties.get(name), name in required) for name in names]


def read_inputs(fields: Sequence[Field], assignments: Sequence[str]) -> dict[str, Any]:
    """The values of `NAME=VALUE`, each in the type its schema says. Raises UsageError."""
    known = {field.name: field for field in fields}
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name:
            raise UsageError(f"--input {assignment}: write NAME=VALUE")
        if name in values:
            raise UsageError(f"--input {name}: it is given twice")
        values[name] = value_of(known.get(name), name, text)
    return values


def value_of(field: Field | None, name: str, text: str) -> Any:
    """A text as the value of an input. Raises UsageError that shows how it is written."""
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


def missing(fields: Sequence[Field], values: Mapping[str, Any]) -> list[Field]:
    """The required inputs that have no value yet."""
    return [field for field in fields if field.required and field.name not in values]


def nearest(fields: Sequence[Field], name: str) -> str:
    """`; did you mean 'ticket'?`, where an input's name is close to it."""
    return did_you_mean(name, [field.name for field in fields])


def _field(name: str, schema: Any, required: bool) -> Field:
    schema = schema if isinstance(schema, dict) else {}
    kind = schema.get("type")
    types = tuple(kind) if isinstance(kind, list) else (kind,) if isinstance(kind, str) else ()
    choices = schema.get("enum")
    if "const" in schema:
        choices = [schema["const"]]
    words = schema.get("description") or schema.get("title") or ""
    return Field(
        name,
        tuple(known for known in types if known in _PLACEHOLDERS),
        required,
        " ".join(str(words).split()),
        "; ".join(_limits(schema)),
        tuple(choices) if isinstance(choices, list) else (),
    )


def _limits(schema: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(schema.get("enum"), list):
        yield f"one of {', '.join(_as_text(value) for value in schema['enum'])}"
    if "const" in schema:
        yield f"always {_as_text(schema['const'])}"
    for keyword, words in (
        ("pattern", "matches"),
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("minLength", "characters, at least"),
        ("maxLength", "characters, at most"),
    ):
        if keyword in schema:
            yield f"{words} {_as_text(schema[keyword])}"


def _parsed(text: str) -> Any:
    """The text as JSON; `_NO_VALUE` where it is none, or says a number that JSON does not have."""
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


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
