"""The tests that expressions may write after `is`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Undefined

from orchestrator.expressions.bounds import (
    require_defined,
)
from orchestrator.expressions.comparing import Operand
from orchestrator.expressions.comparing import equal as same
from orchestrator.expressions.library.lists import contains
from orchestrator.expressions.library.texts import endswith, matches, startswith
from orchestrator.expressions.lookup import is_secret


def _is(*types: type) -> Callable[[Any], bool]:
    return lambda value: type(require_defined(value)) in types


def defined(value: Any) -> bool:
    """Whether the value exists; a secret is an error."""
    if is_secret(value):
        require_defined(value)
    return not isinstance(value, Undefined)


def undefined(value: Any) -> bool:
    """Whether the value is missing."""
    return not defined(value)


def equal(value: Any, other: Any) -> bool:
    """Whether the values are equal."""
    return same(require_defined(value), require_defined(other))


def unequal(value: Any, other: Any) -> bool:
    """Whether they differ."""
    return not equal(value, other)


def within(value: Any, container: Any) -> bool:
    """Whether a container contains the value."""
    return contains(container, value)


TESTS: dict[str, Callable[..., bool]] = {
    "boolean": _is(bool),
    "contains": contains,
    "defined": defined,
    "endswith": endswith,
    "eq": equal,
    "equalto": equal,
    "float": _is(float),
    "ge": lambda value, other: Operand(value) >= Operand(other),
    "gt": lambda value, other: Operand(value) > Operand(other),
    "in": within,
    "integer": _is(int),
    "le": lambda value, other: Operand(value) <= Operand(other),
    "lt": lambda value, other: Operand(value) < Operand(other),
    "mapping": _is(dict),
    "matches": matches,
    "ne": unequal,
    "none": _is(type(None)),
    "number": _is(int, float),
    "sequence": _is(list),
    "startswith": startswith,
    "string": _is(str),
    "undefined": undefined,
}
"""Every test, by the name that expressions use after `is`."""
