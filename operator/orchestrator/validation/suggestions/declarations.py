"""Variables and parameters in the shapes of other systems, as a list of declarations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.models.base import ValueType
from orchestrator.validation.suggestions.proposals import identifier, text_of

_OTHER_TYPES = {"int": ValueType.INTEGER, "bool": ValueType.BOOLEAN, "str": ValueType.STRING}
_TYPES: dict[str, ValueType] = {**{one.value: one for one in ValueType}, **_OTHER_TYPES}
"""Types by the words for them."""


def declarations(value: Any) -> Any:
    """A map of names to types, to defaults or to declarations, or a JSON Schema."""
    if isinstance(value, Mapping) and isinstance(value.get("properties"), Mapping):
        value = value["properties"]
    if not isinstance(value, Mapping):
        return None
    return [_declared(name, given) for name, given in list(value.items())[:3]] or None


def declaration(value: Any) -> Any:
    """The name of a variable, as an entry of the list."""
    if isinstance(value, str):
        return [{"name": identifier(value) or "NAME", "type": "string"}]
    return None


def _declared(name: Any, given: Any) -> dict[str, Any]:
    declared: dict[str, Any] = {"name": identifier(text_of(name)) or "NAME"}
    if isinstance(given, Mapping) and (kind := _TYPES.get(text_of(given.get("type")))):
        return {**declared, "type": kind.value}
    if isinstance(given, str) and given in _TYPES:
        return {**declared, "type": _TYPES[given].value}
    declared["type"] = _type(given)
    if isinstance(given, str | int | float | bool):
        declared["default"] = given
    return declared


def _type(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case list():
            return "list"
    return "string"
