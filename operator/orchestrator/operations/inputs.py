"""The inputs that an approval requires, from its JSON Schema.

The keywords are those of https://json-schema.org/draft/2020-12.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.models.nearest import did_you_mean

TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")


@dataclass(frozen=True, slots=True)
class Field:
    """One input; `types` are those that its schema allows, empty if unspecified."""

    name: str
    types: tuple[str, ...]
    required: bool
    description: str
    limits: str
    """Other constraints of its schema, in words."""
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


def fields_of(schema: Mapping[str, Any] | None) -> list[Field]:
    """The inputs that a schema names, the required ones first."""
    if not schema:
        return []
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    required = [name for name in schema.get("required") or () if isinstance(name, str)]
    names = dict.fromkeys([*required, *properties])
    return [_field(name, properties.get(name), name in required) for name in names]


def missing(fields: Sequence[Field], values: Mapping[str, Any]) -> list[Field]:
    """The required inputs that have no value yet."""
    return [field for field in fields if field.required and field.name not in values]


def nearest(known: Sequence[Field], fields: Sequence[Field], values: Mapping[str, Any]) -> str:
    """`; did you mean 'ticket'?`, if an unknown value's name is close to a known input."""
    names = {field.name for field in fields}
    unknown = [name for name in values if name not in names]
    return did_you_mean(unknown[0], [field.name for field in known]) if unknown else ""


def listed(fields: Sequence[Field]) -> str:
    """The inputs, one per line."""
    if not fields:
        return ""
    return "\nasked for:\n" + "\n".join(f"  {field.words}" for field in fields)


def as_text(value: Any) -> str:
    """A value as users write it: a string unquoted, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


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
        tuple(known for known in types if known in TYPES),
        required,
        " ".join(str(words).split()),
        "; ".join(_limits(schema)),
        tuple(choices) if isinstance(choices, list) else (),
    )


def _limits(schema: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(schema.get("enum"), list):
        yield f"one of {', '.join(as_text(value) for value in schema['enum'])}"
    if "const" in schema:
        yield f"always {as_text(schema['const'])}"
    for keyword, words in (
        ("pattern", "matches"),
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("minLength", "characters, at least"),
        ("maxLength", "characters, at most"),
    ):
        if keyword in schema:
            yield f"{words} {as_text(schema[keyword])}"
