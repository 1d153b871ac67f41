"""Filters that apply a filter or a test, by its name, to every item."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.expressions.bounds import (
    check_length,
    require_defined,
)
from orchestrator.expressions.budget import charge
from orchestrator.expressions.errors import ExpressionError
from orchestrator.expressions.library import anything, lists, numbers, texts
from orchestrator.expressions.library.guards import (
    a_list,
)
from orchestrator.expressions.library.tests import TESTS
from orchestrator.expressions.lookup import lookup

SIMPLE = {**anything.FILTERS, **lists.FILTERS, **numbers.FILTERS, **texts.FILTERS}
"""The filters that `map` can apply."""

_EACH = 4
"""Units for each item, in addition to those of the filter or test that is applied to it."""


def mapped(value: Any, name: Any = None, attribute: Any = None) -> list[Any]:
    """A filter without arguments applied to every item, or one key of every item."""
    items = a_list(value)
    charge(_EACH * len(items))
    if (name is None) == (attribute is None):
        raise ExpressionError("map takes the name of a filter, or attribute='KEY'")
    if attribute is not None:
        return [require_defined(lookup(item, attribute, "an item")) for item in items]
    convert = _named(SIMPLE, name, "filter")
    results, size = [], 0
    for item in items:
        results.append(convert(item))
        size += len(results[-1]) if type(results[-1]) in (str, list) else 1
        check_length(size)
    return results


def select(value: Any, test: Any, *arguments: Any) -> list[Any]:
    """The items for which a test holds."""
    holds = _named(TESTS, test, "test")
    charge(_EACH * len(a_list(value)))
    return [item for item in value if holds(item, *arguments)]


def reject(value: Any, test: Any, *arguments: Any) -> list[Any]:
    """The items for which a test does not hold."""
    holds = _named(TESTS, test, "test")
    charge(_EACH * len(a_list(value)))
    return [item for item in value if not holds(item, *arguments)]


def selectattr(value: Any, key: Any, test: Any, *arguments: Any) -> list[Any]:
    """The items whose key passes a test."""
    holds = _named(TESTS, test, "test")
    charge(2 * _EACH * len(a_list(value)))
    return [item for item in value if holds(lookup(item, key, "an item"), *arguments)]


def rejectattr(value: Any, key: Any, test: Any, *arguments: Any) -> list[Any]:
    """The items whose key does not pass a test."""
    holds = _named(TESTS, test, "test")
    charge(2 * _EACH * len(a_list(value)))
    return [item for item in value if not holds(lookup(item, key, "an item"), *arguments)]


def _named(table: dict[str, Callable[..., Any]], name: Any, noun: str) -> Callable[..., Any]:
    if type(name) is not str or name not in table:
        raise ExpressionError(f"there is no {noun} of this name")
    return table[name]


FILTERS: dict[str, Callable[..., Any]] = {
    "map": mapped,
    "reject": reject,
    "rejectattr": rejectattr,
    "select": select,
    "selectattr": selectattr,
}
