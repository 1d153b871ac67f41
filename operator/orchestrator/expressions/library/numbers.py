"""Filters for numbers, and conversions to numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.expressions.bounds import (
    check_number,
    is_number,
    require_defined,
    to_text,
)
from orchestrator.expressions.budget import charge
from orchestrator.expressions.errors import ExpressionError
from orchestrator.expressions.library.guards import (
    a_list,
    a_number,
    require,
)


def total(value: Any) -> Any:
    """The sum of a list of numbers."""
    charge(3 * len(a_list(value)))
    return check_number(sum(a_number(item) for item in value))


def absolute(value: Any) -> Any:
    """The absolute value."""
    return check_number(abs(a_number(value)))


def rounded(value: Any, precision: Any = 0) -> Any:
    """Rounded half to even; an integer unless a precision is given."""
    digits = require(precision, "an integer", int)
    if not 0 <= digits <= 15:
        raise ExpressionError("the precision of round is between 0 and 15")
    return check_number(round(a_number(value), digits) if digits else round(a_number(value)))


def integer(value: Any, fallback: Any = None) -> Any:
    """An integer from a number (truncated) or a string; otherwise the fallback, or an error."""
    return _converted(value, int, "an integer", fallback)


def floating(value: Any, fallback: Any = None) -> Any:
    """A number from a number or a string; otherwise the fallback, or an error."""
    return _converted(value, float, "a number", fallback)


def _converted(value: Any, convert: Callable[[Any], Any], expected: str, fallback: Any) -> Any:
    require_defined(value)
    try:
        if is_number(value) or (type(value) is str and len(value) <= 64 and "_" not in value):
            return check_number(convert(value))
    except ValueError:
        pass
    if fallback is not None:
        return fallback
    raise ExpressionError(f"{to_text(value)[:64]!r} is not {expected}")


FILTERS: dict[str, Callable[..., Any]] = {
    "abs": absolute,
    "float": floating,
    "int": integer,
    "round": rounded,
    "sum": total,
}
