"""What can go wrong, in words: the error, the names of types, the nearest right name."""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice


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


_LONGEST_NAME = 64
_MOST_NAMES = 2_000
MOST_COMPARED = 8
"""Names that are compared letter by letter, which takes up to half a millisecond each."""
_BEGINNING = 3


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that was most probably meant, or None when nothing is near.

    Of many or long names only those are compared that have most letters, their length and
    their beginning in common with it.
    """
    name = name[:_LONGEST_NAME]
    known = (other for other in names if isinstance(other, str) and len(other) <= _LONGEST_NAME)
    candidates = list(islice(known, _MOST_NAMES))
    for candidate in candidates:
        if candidate.lower() == name.lower():
            return candidate
    if len(candidates) > MOST_COMPARED:
        letters, beginning = set(name), name[:_BEGINNING]

        def likeness(other: str) -> int:
            same = 2 if other.startswith(beginning) else 0
            return same + len(letters.intersection(other)) - abs(len(other) - len(name))

        candidates = heapq.nlargest(MOST_COMPARED, candidates, key=likeness)
    return next(iter(difflib.get_close_matches(name, candidates, n=1)), None)


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """`; did you mean 'service'?`, or nothing when no name is near."""
    near = nearest(name, names)
    return f"; did you mean {near!r}?" if near is not None else ""
