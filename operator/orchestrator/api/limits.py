"""Bounds of requests: the rate of each token, their number at a time, size and depth of bodies."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
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
    depth: int = 64
    """Maximum depth of a body."""
    requests: int = 128
    """Maximum number of requests at a time, not counting streams."""
    streams: int = 1024
    """Maximum number of open streams of events and logs."""
    rate: float = 50.0
    """Requests of a token a second, on average."""
    burst: int = 200
    """Requests of a token at once, after a pause."""
    body_seconds: float = 30.0
    """Time within which a body must have arrived."""


class TooManyError(Exception):
    """A limit is reached; the message says which, `wait` for how long in seconds."""

    def __init__(self, message: str, wait: float = 1.0) -> None:
        super().__init__(message)
        self.wait = wait


class Rates:
    """A token bucket (the algorithm) for each caller."""

    def __init__(self, rate: float, burst: int, monotonic: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = burst
        self._monotonic = monotonic
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> None:
        """Count a request. Raises TooManyError."""
        key = hashlib.sha256(caller.encode("utf-8", "surrogateescape")).digest()
        now = self._monotonic()
        left, since = self._buckets.pop(key, (float(self._burst), now))
        left = min(self._burst, left + (now - since) * self._rate)
        self._buckets[key] = (max(left - 1, 0.0) if left >= 1 else left, now)
        while len(self._buckets) > MAX_KNOWN:
            self._buckets.popitem(last=False)
        if left < 1:
            message = f"more than {self._rate:g} requests a second"
            raise TooManyError(message, (1 - left) / self._rate)


class Slots:
    """Counts requests, or streams, at a time."""

    def __init__(self, maximum: int, what: str) -> None:
        self._maximum = maximum
        self._what = what
        self.active = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count one in the block. Raises TooManyError."""
        if self.active >= self._maximum:
            raise TooManyError(f"too many {self._what} are being served")
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1


def is_deeper(value: Any, depth: int) -> bool:
    """Whether a JSON value is nested deeper than this."""
    stack = [(value, 1)]
    while stack:
        one, at = stack.pop()
        if not isinstance(one, dict | list):
            continue
        if at > depth:
            return True
        inside = one.values() if isinstance(one, dict) else one
        stack.extend((each, at + 1) for each in inside)
    return False
