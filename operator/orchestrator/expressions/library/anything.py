"""Filters for any value: defaults, strings and JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from jinja2 import Undefined

from orchestrator.expressions.bounds import (
    MAX_PARSED,
    check_length,
    require_defined,
    to_json,
    to_text,
)
from orchestrator.expressions.budget import charge
from orchestrator.expressions.errors import ExpressionError
from orchestrator.expressions.library.guards import (
    a_string,
)
from orchestrator.expressions.lookup import is_secret


def default(value: Any, fallback: Any = "", boolean: bool = False) -> Any:
    """The fallback if the value is missing; with `true`, also if it is empty or false."""
    if is_secret(value):
        require_defined(value)
    if isinstance(value, Undefined) or (boolean is True and not value):
        return fallback
    return value


def string(value: Any) -> str:
    """The value as a string; lists and objects as JSON."""
    return to_text(value)


def tojson(value: Any) -> str:
    """The value as compact JSON."""
    text = to_json(value).decode()
    check_length(len(text))
    return text


def fromjson(value: Any) -> Any:
    """The value of a JSON text."""
    text = a_string(value)
    if len(text) > MAX_PARSED:
        raise ExpressionError(f"fromjson reads at most {MAX_PARSED // 1024} KiB")
    charge(1 + len(text) // 4)
    try:
        return orjson.loads(text)
    except (ValueError, UnicodeError) as error:
        raise ExpressionError(f"fromjson: not valid JSON: {error}") from error


FILTERS: dict[str, Callable[..., Any]] = {
    "d": default,
    "default": default,
    "fromjson": fromjson,
    "string": string,
    "tojson": tojson,
}
