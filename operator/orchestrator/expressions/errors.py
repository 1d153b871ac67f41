"""What can go wrong, in words: the error, and the names of types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from orchestrator.models.reasons import Reason


class ExpressionError(ValueError):
    """An expression that cannot be read or evaluated; the message is for people."""

    reason: ClassVar[Reason] = Reason.EXPRESSION_ERROR
    """The reason of what fails because its expression failed."""


@dataclass(frozen=True, slots=True)
class SecretValue:
    """Stands for a secret variable in a scope: where the value is, never the value itself.

    An expression can pass it on whole; every other use is an ExpressionError.
    """

    name: str
    """Name of the Secret."""
    key: str
    """Key in its data."""


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
    """The type of a JSON value as people say it: `a string`, `an object`."""
    return _KINDS.get(type(value), "no JSON value")
