"""A cache of parsed sources, bounded by the memory that it takes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

MAX_WEIGHT = 80_000
"""Syntax nodes in one cache. One takes up to 500 bytes, so a cache keeps at most about 40 MB."""

Made = TypeVar("Made")


class SourceCache(Generic[Made]):
    """Parses each source once, and drops the least recently used results.

    No lock is held while a source is parsed, because a thread that yields there must hold none.
    Two threads may parse the same source; errors are not cached.
    """

    def __init__(
        self,
        make: Callable[[str], Made],
        weight: Callable[[Made], int],
        max_weight: int = MAX_WEIGHT,
    ) -> None:
        self._make = make
        self._weight_of = weight
        self._max_weight = max_weight
        self._kept: OrderedDict[str, Made] = OrderedDict()
        self._lock = threading.Lock()
        self.weight = 0
        """Syntax nodes in the cache."""

    def __call__(self, source: str) -> Made:
        """The result for a source; raises the error of parsing it."""
        with self._lock:
            known = self._kept.get(source)
            if known is not None:
                self._kept.move_to_end(source)
                return known
        made = self._make(source)
        with self._lock:
            if source not in self._kept:
                self._kept[source] = made
                self.weight += self._weight_of(made)
                while self.weight > self._max_weight:
                    self.weight -= self._weight_of(self._kept.popitem(last=False)[1])
        return made
