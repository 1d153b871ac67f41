"""Bounds of the receiver: requests at a time, in all and for each trigger, and bytes in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from orchestrator.kube.cache import Key


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of requests; times in seconds, sizes in bytes."""

    body: int = 1024 * 1024
    """Maximum size of a body."""
    buffered: int = 64 * 1024 * 1024
    """Maximum size of the bodies of all requests that are being processed."""
    requests: int = 256
    """Maximum number of requests at a time."""
    requests_per_trigger: int = 128
    """The same for one trigger."""
    events_per_trigger: int = 256
    """Maximum number of events of one trigger that are being stored at a time, unless more requests
    are allowed; a single request with more is accepted."""
    connections: int = 1024
    """Maximum number of connections, each with up to 128 KiB that have not been read yet."""
    body_seconds: float = 10.0
    """Time within which a body must have arrived."""
    idle_seconds: float = 30.0
    """Time after which a connection without a complete header is closed."""
    store_seconds: float = 10.0
    """Time within which an event must be stored; otherwise the sender is asked to try again."""
    wait_seconds: float = 300.0
    """Maximum time for which a caller waits for the result of an execution."""
    waiting: int = 100
    """Maximum number of callers that wait for results at a time."""
    waiting_per_trigger: int = 20
    """The same for one trigger."""
    reading_per_peer: int = 64
    """Maximum number of requests of one address that are being read at a time."""


class TooManyError(Exception):
    """A limit is reached; the message says which."""


class Slots:
    """Counts what is in use."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.active = 0
        """Requests that are being processed."""
        self.buffered = 0
        """Bytes of their bodies."""
        self._waiting: Counter[Key] = Counter()
        self._reading: Counter[str] = Counter()
        self._triggers: dict[Key, int] = {}
        self._events: dict[Key, int] = {}

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request in the block. Raises TooManyError."""
        if self.active >= self._limits.requests:
            raise TooManyError("too many requests are being processed")
        self.active += 1
        try:
            yield
        finally:
            self.active -= 1

    @contextmanager
    def trigger(self, key: Key) -> Iterator[None]:
        """Count a request to a trigger in the block. Raises TooManyError."""
        used = self._triggers.get(key, 0)
        if used >= self._limits.requests_per_trigger:
            raise TooManyError("too many requests to this trigger are being processed")
        self._triggers[key] = used + 1
        try:
            yield
        finally:
            self._triggers[key] -= 1
            if not self._triggers[key]:
                del self._triggers[key]

    @contextmanager
    def events(self, key: Key, count: int) -> Iterator[None]:
        """Count events of a trigger that are being stored in the block. Raises TooManyError."""
        used = self._events.get(key, 0)
        limit = max(self._limits.events_per_trigger, self._limits.requests_per_trigger)
        if used and used + count > limit:
            raise TooManyError("too many events of this trigger are being stored")
        self._events[key] = used + count
        try:
            yield
        finally:
            self._events[key] -= count
            if not self._events[key]:
                del self._events[key]

    @contextmanager
    def reading(self, peer: str) -> Iterator[None]:
        """Count a request of an address while it is read. Raises TooManyError."""
        if self._reading[peer] >= self._limits.reading_per_peer:
            raise TooManyError("too many requests of this address are being read")
        self._reading[peer] += 1
        try:
            yield
        finally:
            self._reading[peer] -= 1
            if not self._reading[peer]:
                del self._reading[peer]

    @contextmanager
    def waiting(self, key: Key) -> Iterator[bool]:
        """Count a caller that waits for a result of a trigger in the block; False if there are too
        many."""
        own, every = self._waiting[key], self._waiting.total()
        if own >= self._limits.waiting_per_trigger or every >= self._limits.waiting:
            yield False
            return
        self._waiting[key] += 1
        try:
            yield True
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]

    def take(self, size: int) -> None:
        """Buffer more bytes of a body. Raises TooManyError."""
        if self.buffered + size > self._limits.buffered:
            raise TooManyError("the bodies of other requests fill the receiver's memory")
        self.buffered += size

    def release(self, size: int) -> None:
        """These bytes are processed."""
        self.buffered -= size
