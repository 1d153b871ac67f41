"""What can go wrong, in words: the error, the names of types, the nearest right name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class ExpressionError(ValueError):
    """An expression that cannot be read or evaluated; the message is for people."""


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


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that was most probably meant, or None when nothing is near."""
    candidates = [candidate for candidate in names if isinstance(candidate, str)]
    for candidate in candidates:
        if candidate.lower() == name.lower():
            return candidate
    return next(iter(difflib.get_close_matches(name[:64], candidates[:4000], n=1)), None)


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """`; did you mean 'service'?`, or nothing when no name is near."""
    near = nearest(name, names)
    return f"; did you mean {near!r}?" if near is not None else ""
