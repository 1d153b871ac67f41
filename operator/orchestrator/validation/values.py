"""Checks values against their declarations: types, enums, patterns and bounds."""

from __future__ import annotations

import json

from orchestrator.expressions import ExpressionError, SecretValue, full_match
from orchestrator.expressions.bounds import MAX_RESULT, to_json
from orchestrator.expressions.errors import kind
from orchestrator.models.base import Json, ValueType
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.workflow import Value
from orchestrator.validation.suggestions.proposals import flow

_MAX_QUOTED = 200
"""Maximum length of a string that is parsed as another value for a proposal."""
_TYPES: dict[ValueType, tuple[type, ...]] = {
    ValueType.STRING: (str,),
    ValueType.INTEGER: (int,),
    ValueType.NUMBER: (int, float),
    ValueType.BOOLEAN: (bool,),
    ValueType.LIST: (list,),
    ValueType.OBJECT: (dict,),
    ValueType.SECRET: (SecretValue,),
}
_DESCRIPTIONS = {
    ValueType.STRING: "a string",
    ValueType.INTEGER: "an integer",
    ValueType.NUMBER: "a number",
    ValueType.BOOLEAN: "true or false",
    ValueType.LIST: "a list",
    ValueType.OBJECT: "an object",
    ValueType.SECRET: "a secret variable",
}


def check_type(value: Json, expected: ValueType) -> str | None:
    """The problem of the value's type, or None."""
    if type(value) in _TYPES[expected]:
        return None
    return f"must be {_DESCRIPTIONS[expected]}, not {_described(value)}{_hint(value, expected)}"


def check_value(value: Json, declared: Value) -> str | None:
    """The problem of a value for this variable or parameter, or None."""
    return check_type(value, declared.type) or _check_bounds(value, declared)


def _check_bounds(value: Json, declared: Value) -> str | None:
    if declared.type is ValueType.SECRET:
        return None
    if declared.enum is not None and not any(_same(value, allowed) for allowed in declared.enum):
        texts = [allowed for allowed in declared.enum if isinstance(allowed, str)]
        near = did_you_mean(value, texts) if isinstance(value, str) else ""
        return f"must be one of {shown(declared.enum)}, not {shown(value)}{near}"
    if declared.type in (ValueType.STRING, ValueType.LIST):
        return _check_length(value, declared) or _check_pattern(value, declared)
    if declared.type in (ValueType.INTEGER, ValueType.NUMBER):
        return _check_range(value, declared)
    return check_size(value)


def _check_range(value: Json, declared: Value) -> str | None:
    if declared.minimum is not None and value < declared.minimum:
        return f"must be at least {declared.minimum:g}, not {value}"
    if declared.maximum is not None and value > declared.maximum:
        return f"must be at most {declared.maximum:g}, not {value}"
    return check_size(value)


def _check_length(value: Json, declared: Value) -> str | None:
    unit = "characters" if isinstance(value, str) else "items"
    if declared.min_length is not None and len(value) < declared.min_length:
        return f"must have at least {declared.min_length} {unit}, not {len(value)}"
    if declared.max_length is not None and len(value) > declared.max_length:
        return f"must have at most {declared.max_length} {unit}, not {len(value)}"
    return check_size(value)


def _check_pattern(value: Json, declared: Value) -> str | None:
    if declared.pattern is None or not isinstance(value, str):
        return None
    try:
        if full_match(declared.pattern, value):
            return None
    except ExpressionError as error:
        return str(error)
    return f"must match {declared.pattern!r} as a whole; {shown(value)} does not"


def check_size(value: Json) -> str | None:
    """The problem of a value that is too long or nested too deeply, or None."""
    try:
        size = len(to_json(value, MAX_RESULT))
    except ExpressionError as error:
        return str(error)
    return f"must be at most {MAX_RESULT // 1024} KiB of JSON" if size > MAX_RESULT else None


def _same(value: Json, allowed: Json) -> bool:
    """Equality as in JSON: true is not 1."""
    return isinstance(value, bool) == isinstance(allowed, bool) and bool(value == allowed)


def _described(value: Json) -> str:
    if isinstance(value, bool | int | float | str):
        return f"{kind(value)} ({shown(value)})"
    return kind(value)


def _hint(value: Json, expected: ValueType) -> str:
    if expected is ValueType.STRING and isinstance(value, bool):
        return "; YAML reads an unquoted yes, no, on, off, y or n as a boolean: quote it"
    if expected is ValueType.STRING and isinstance(value, int | float):
        return "; quote it"
    if expected is ValueType.STRING and isinstance(value, list):
        return "; write several lines as one string, in a block that begins with `|`"
    if isinstance(value, str) and len(value) <= _MAX_QUOTED:
        return _unquoted(value, expected)
    if isinstance(value, SecretValue):
        return "; only a parameter of type secret takes a secret"
    return ""


def _unquoted(text: str, expected: ValueType) -> str:
    """The value that a string was probably meant to be."""
    if expected is ValueType.LIST:
        items = [item.strip() for item in text.strip("[]").split(",") if item.strip()]
        return f"; write {flow(items)}"
    try:
        value = json.loads(text.strip().lower())
    except ValueError:
        return ""
    return f"; write {flow(value)} without quotes" if type(value) in _TYPES[expected] else ""


def shown(value: Json) -> str:
    """A value in a message: short JSON."""
    try:
        text = to_json(value, MAX_RESULT).decode()
    except ExpressionError:
        return kind(value)
    return text if len(text) <= 100 else text[:99] + "…"
