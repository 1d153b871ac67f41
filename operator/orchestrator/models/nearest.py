"""Suggests similar names, for messages about a name that does not exist.

Every "did you mean" comes from here. The module imports no other module of the package, so that
action pods and fast commands can use it, and its work is bounded, since the operator validates in
its event loop.
"""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterable
from itertools import islice

_MAX_NAME_LENGTH = 64
_MAX_NAMES = 2_000
MAX_COMPARED = 8
"""Maximum number of names that are compared in full, which takes up to half a millisecond each."""
_PREFIX_LENGTH = 3


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The most similar name, or None if no name is similar."""
    return next(iter(all_near(name, names, limit=1)), None)


def all_near(name: str, names: Iterable[str], *, limit: int) -> list[str]:
    """Similar names, the most similar first.

    A name that differs only in case is the only result. If there are many names, only those are
    compared whose letters, length and prefix are most similar.
    """
    name = name[:_MAX_NAME_LENGTH]
    short = (other for other in names if isinstance(other, str) and len(other) <= _MAX_NAME_LENGTH)
    candidates = list(islice(short, _MAX_NAMES))
    for candidate in candidates:
        if candidate.lower() == name.lower():
            return [candidate]
    if len(candidates) > MAX_COMPARED:
        letters, prefix = set(name), name[:_PREFIX_LENGTH]

        def similarity(other: str) -> int:
            same = 2 if other.startswith(prefix) else 0
            return same + len(letters.intersection(other)) - abs(len(other) - len(name))

        candidates = heapq.nlargest(MAX_COMPARED, candidates, key=similarity)
    return difflib.get_close_matches(name, candidates, n=limit)


def did_you_mean(name: str, names: Iterable[str], *, limit: int = 1) -> str:
    """`; did you mean 'service'?`, or an empty string if no name is similar."""
    near = [repr(one) for one in all_near(name, names, limit=limit)]
    if not near:
        return ""
    *others, last = near
    return f"; did you mean {', '.join(others)} or {last}?" if others else f"; did you mean {last}?"
