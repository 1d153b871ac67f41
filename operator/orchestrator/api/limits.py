"""Bounds of requests: the rate of each token, their number at a time, size and depth of bodies."""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

MAX_KNOWN = 10_000
"""Callers whose rate is counted; of more, the one that was silent longest is forgotten."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of requests; sizes in bytes."""

    body: int = 1024 * 1024
    """Maximum size of a body."""
    yaml: int = 256 * 1024
    """Maximum size of a body in YAML, which takes some seconds to read."""
    unknown: int = 16 * 1024
    """Maximum size of a body that is read before the API server has accepted the caller's token."""
    depth: int = 64
    """Maximum depth of a body."""
    requests: int = 128
    """Maximum number of requests at a time, not counting streams."""
    requests_of_caller: int = 32
    """Maximum number of requests of a caller at a time."""
    streams: int = 1024
    """Maximum number of open streams of events and logs."""
    streams_of_caller: int = 128
    """Maximum number of open streams of a caller."""
    bodies: int = 256
    """Maximum number of bodies that are being received at a time."""
    bodies_of_address: int = 64
    """The same for an address."""
    large: int = 64 * 1024
    """Size from which a body is checked in a thread, one at a time."""
    counted: int = 32 * 1024
    """Each time that a body has this size, it counts as one more request."""
    rate: float = 50.0
    """Requests of a token a second, on average."""
    burst: int = 200
    """Requests of a token at once, after a pause."""
    body_seconds: float = 30.0
    """Time within which a body must have arrived."""


class TooManyError(Exception):
    """A limit is reached; the message and `limit` say which, `wait` for how long in seconds."""

    def __init__(self, message: str, limit: str, wait: float = 1.0) -> None:
        super().__init__(message)
        self.limit = limit
        self.wait = wait


class Rates:
    """A token bucket (the algorithm) for each caller."""

    def __init__(self, rate: float, burst: int, monotonic: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = burst
        self._monotonic = monotonic
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, count: int = 1) -> None:
        """Count a request, or several that one takes as much as. Raises TooManyError."""
        key = _hashed(caller)
        now = self._monotonic()
        left, since = self._buckets.pop(key, (float(self._burst), now))
        left = min(self._burst, left + (now - since) * self._rate)
        self._buckets[key] = (left - count if left >= count else left, now)
        while len(self._buckets) > MAX_KNOWN:
            self._buckets.popitem(last=False)
        if left < count:
            message = f"more than {self._rate:g} requests a second"
            raise TooManyError(message, "rate", (count - left) / self._rate)


class Accepted:
    """The callers whom the API server has accepted; of more than MAX_KNOWN, the latest."""

    def __init__(self) -> None:
        self._callers: OrderedDict[bytes, None] = OrderedDict()

    def __contains__(self, caller: str) -> bool:
        return _hashed(caller) in self._callers

    def add(self, caller: str) -> None:
        """The API server has accepted a caller."""
        key = _hashed(caller)
        self._callers[key] = None
        self._callers.move_to_end(key)
        if len(self._callers) > MAX_KNOWN:
            self._callers.popitem(last=False)


class Slots:
    """Counts requests, or streams, at a time: all of them, and those of each caller, so that none
    can take them all."""

    def __init__(self, maximum: int, what: str, each: int | None = None) -> None:
        """`each` is the maximum of a caller; that of all if absent."""
        self._maximum = maximum
        self._each = maximum if each is None else each
        self._what = what
        self._of: Counter[str] = Counter()
        self.active = 0

    @contextmanager
    def one(self, caller: str = "") -> Iterator[None]:
        """Count one in the block. Raises TooManyError."""
        self.check(caller)
        self.active += 1
        self._of[caller] += 1
        try:
            yield
        finally:
            self.active -= 1
            self._of[caller] -= 1
            if not self._of[caller]:
                del self._of[caller]

    def check(self, caller: str = "") -> None:
        """Raises TooManyError if there is none left."""
        if self.active >= self._maximum:
            raise TooManyError(f"too many {self._what} are being served", self._what)
        if self._of[caller] >= self._each:
            message = f"you have {self._each} {self._what}, and no more at a time"
            raise TooManyError(message, self._what)


def _hashed(caller: str) -> bytes:
    """No token is kept."""
    return hashlib.sha256(caller.encode("utf-8", "surrogateescape")).digest()


def is_deeper(value: Any, depth: int) -> bool:
    """Whether a JSON value is nested deeper than this: level by level, as there may be hundreds of
    thousands of values."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(depth):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return bool(level)
