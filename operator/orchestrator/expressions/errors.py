"""The error of an expression, and the names of types in messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.models.reasons import Reason


class ExpressionError(ValueError):
    """An expression that cannot be parsed or evaluated; the message is for its author."""

    reason: ClassVar[Reason] = Reason.EXPRESSION_ERROR
    """The reason of a node or trigger that fails because of the expression."""


@dataclass(frozen=True, slots=True)
class SecretValue:
    """A secret variable in a scope: a reference to the value, never the value itself.

    An expression can only return it unchanged; any other use raises ExpressionError.
    """

    name: str
    """Name of the Secret."""
    key: str
    """Key in the Secret's data."""


_KINDS = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "a list",
    tuple: "a list",
    dict: "an object",
    SecretValue: "a secret",
}


def kind(value: object) -> str:
    """The type of a JSON value in messages: `a string`, `an object`."""
    return _KINDS.get(type(value), "not a JSON value")
