"""A cache of parsed sources with bounded memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

MAX_WEIGHT = 80_000
"""Maximum number of syntax nodes in a cache. A node takes up to 500 bytes, so a cache takes at most
about 40 MB."""

Parsed = TypeVar("Parsed")


class SourceCache(Generic[Parsed]):
    """Parses each source once, and drops the least recently used results.

    No lock is held while a source is parsed, because a thread that yields there must hold none.
    Two threads may parse the same source; errors are not cached.
    """

    def __init__(
        self,
        parse: Callable[[str], Parsed],
        weight: Callable[[Parsed], int],
        max_weight: int = MAX_WEIGHT,
    ) -> None:
        self._parse = parse
        self._weight_of = weight
        self._max_weight = max_weight
        self._cache: OrderedDict[str, Parsed] = OrderedDict()
        self._lock = threading.Lock()
        self.weight = 0
        """Syntax nodes in the cache."""

    def __call__(self, source: str) -> Parsed:
        """The result for a source; raises the error of parsing it."""
        with self._lock:
            cached = self._cache.get(source)
            if cached is not None:
                self._cache.move_to_end(source)
                return cached
        parsed = self._parse(source)
        with self._lock:
            if source not in self._cache:
                self._cache[source] = parsed
                self.weight += self._weight_of(parsed)
                while self.weight > self._max_weight:
                    self.weight -= self._weight_of(self._cache.popitem(last=False)[1])
        return parsed
