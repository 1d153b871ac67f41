"""Filters for strings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.expressions.bounds import (
    check_length,
)
from orchestrator.expressions.budget import charge
from orchestrator.expressions.comparing import charge_search
from orchestrator.expressions.errors import ExpressionError
from orchestrator.expressions.library.guards import (
    a_string,
)
from orchestrator.expressions.patterns import full_match

_REFERENCE = 8
"""Minimum size of each part of a split string, in bytes."""


def lower(value: Any) -> str:
    """The string in lower case."""
    charge(1 + len(a_string(value)) // 16)
    return a_string(value).lower()


def upper(value: Any) -> str:
    """The string in upper case."""
    charge(1 + len(a_string(value)) // 16)
    return a_string(value).upper()


def trim(value: Any) -> str:
    """The string without whitespace at either end."""
    charge(1 + len(a_string(value)) // 16)
    return a_string(value).strip()


def replace(value: Any, old: Any, new: Any) -> str:
    """The string with every `old` replaced by `new`."""
    text, before, after = a_string(value), a_string(old), a_string(new)
    charge_search(text, before)
    count = text.count(before)
    check_length(length := len(text) + count * len(after))
    charge(1 + count // 4 + length // 64)
    return text.replace(before, after)


def split(value: Any, separator: Any = None) -> list[str]:
    """The parts between separators; by default, between whitespace."""
    if separator is not None and not a_string(separator):
        raise ExpressionError("the separator of split is empty")
    text = a_string(value)
    charge_search(text, separator or " ")
    parts = text.split(separator)
    charge(3 + len(parts))
    check_length(len(parts) * _REFERENCE)
    return parts


def startswith(value: Any, prefix: Any) -> bool:
    """Whether the string starts with this prefix."""
    charge(1 + len(a_string(prefix)) // 1024)
    return a_string(value).startswith(prefix)


def endswith(value: Any, suffix: Any) -> bool:
    """Whether the string ends with this suffix."""
    charge(1 + len(a_string(suffix)) // 1024)
    return a_string(value).endswith(suffix)


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
