"""The names that were most probably meant, for messages about one that does not exist.

The only place that compares names by likeness: every "did you mean" comes from here. It imports
nothing of ours, so that a small pod or a fast command can use it, and its work is bounded, since
the operator validates in its loop.
"""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterable
from itertools import islice

_LONGEST_NAME = 64
_MOST_NAMES = 2_000
MOST_COMPARED = 8
"""Names that are compared letter by letter, which takes up to half a millisecond each."""
_BEGINNING = 3


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that was most probably meant, or None when nothing is near."""
    return next(iter(all_near(name, names, most=1)), None)


def all_near(name: str, names: Iterable[str], *, most: int) -> list[str]:
    """The names that may have been meant, the nearest first.

    One that differs only in case is the only one. Of many or long names only those are compared
    that have most letters, their length and their beginning in common with it.
    """
    name = name[:_LONGEST_NAME]
    known = (other for other in names if isinstance(other, str) and len(other) <= _LONGEST_NAME)
    candidates = list(islice(known, _MOST_NAMES))
    for candidate in candidates:
        if candidate.lower() == name.lower():
            return [candidate]
    if len(candidates) > MOST_COMPARED:
        letters, beginning = set(name), name[:_BEGINNING]

        def likeness(other: str) -> int:
            same = 2 if other.startswith(beginning) else 0
            return same + len(letters.intersection(other)) - abs(len(other) - len(name))

        candidates = heapq.nlargest(MOST_COMPARED, candidates, key=likeness)
    return difflib.get_close_matches(name, candidates, n=most)


def did_you_mean(name: str, names: Iterable[str], *, most: int = 1) -> str:
    """`; did you mean 'service'?`, or nothing when no name is near."""
    near = [repr(one) for one in all_near(name, names, most=most)]
    if not near:
        return ""
    *others, last = near
    return f"; did you mean {', '.join(others)} or {last}?" if others else f"; did you mean {last}?"
