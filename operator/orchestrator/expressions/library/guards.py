"""Type checks of filters: a wrong type is an error, never a silent default."""

from __future__ import annotations

from typing import Any

from orchestrator.expressions.bounds import (
    check_length,
    check_number,
    require_defined,
)
from orchestrator.expressions.budget import charge
from orchestrator.expressions.errors import ExpressionError, kind


def require(value: Any, expected: str, *types: type) -> Any:
    """The value itself if it has one of these types; `expected` describes them in the error."""
    if type(value) not in types:
        require_defined(value)
        raise ExpressionError(f"expected {expected}, not {kind(value)}")
    return value


def a_string(value: Any) -> str:
    """The value itself if it is a string."""
    text: str = require(value, "a string", str)
    check_length(len(text))
    return text


def a_list(value: Any) -> list[Any]:
    """The value itself if it is a list."""
    items: list[Any] = require(value, "a list", list)
    check_length(len(items))
    return items


def an_object(value: Any) -> dict[str, Any]:
    """The value itself if it is an object."""
    fields: dict[str, Any] = require(value, "an object", dict)
    return fields


def a_number(value: Any) -> Any:
    """The value itself if it is a number that JSON can represent."""
    return check_number(require(value, "a number", int, float))


def scalars(value: Any) -> list[Any]:
    """The value itself if it is a list of strings only, or of numbers only."""
    items = a_list(value)
    types = set(map(type, items))
    charge(1 + len(items) // 2)
    if not (types <= {str} or types <= {int, float}):
        for item in items:
            require_defined(item)
        raise ExpressionError("expected a list of strings only, or of numbers only")
    return items
