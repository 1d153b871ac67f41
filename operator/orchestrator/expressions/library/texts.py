"""Filters over strings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.expressions.bounds import (
    check_length,
)
from orchestrator.expressions.errors import ExpressionError
from orchestrator.expressions.library.guards import (
    a_string,
)
from orchestrator.expressions.patterns import full_match

_REFERENCE = 8
"""Bytes that each part of a split text takes at least."""


def lower(value: Any) -> str:
    """In lower case."""
    return a_string(value).lower()


def upper(value: Any) -> str:
    """In upper case."""
    return a_string(value).upper()


def trim(value: Any) -> str:
    """Without the white space at both ends."""
    return a_string(value).strip()


def replace(value: Any, old: Any, new: Any) -> str:
    """Every `old` replaced by `new`."""
    text, before, after = a_string(value), a_string(old), a_string(new)
    check_length(len(text) + text.count(before) * len(after))
    return text.replace(before, after)


def split(value: Any, separator: Any = None) -> list[str]:
    """Parts between separators; at white space when none is given."""
    if separator is not None and not a_string(separator):
        raise ExpressionError("the separator of split is empty")
    parts = a_string(value).split(separator)
    check_length(len(parts) * _REFERENCE)
    return parts


def startswith(value: Any, prefix: Any) -> bool:
    """Whether the string begins so."""
    return a_string(value).startswith(a_string(prefix))


def endswith(value: Any, suffix: Any) -> bool:
    """Whether the string ends so."""
    return a_string(value).endswith(a_string(suffix))


def matches(value: Any, pattern: Any) -> bool:
    """Whether the RE2 pattern matches the whole string."""
    return full_match(a_string(pattern), a_string(value))


FILTERS: dict[str, Callable[..., Any]] = {
    "endswith": endswith,
    "lower": lower,
    "matches": matches,
    "replace": replace,
    "split": split,
    "startswith": startswith,
    "trim": trim,
    "upper": upper,
}
