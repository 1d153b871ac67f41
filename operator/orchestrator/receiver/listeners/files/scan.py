"""What is new in a listing, compared with the listing before and with the position."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable

from orchestrator.triggers.positions import Position
from orchestrator.triggers.types.file_watch import Found

MAX_KNOWN = 1_000_000
"""Objects of the listing before that are remembered, at eight bytes each."""


class Scans:
    """Decides what is new, listing by listing.

    From the second listing on, new is what the one before did not have: times play no part, so an
    upload that took long, and a clock that was set back, make nothing look old. In the first one,
    and in buckets with more objects than are remembered, the position decides.

    With `settles`, something is new once two listings in a row have found it the same: a file that
    is still being written is not.
    """

    def __init__(self, position: Position, *, settles: bool) -> None:
        self.position = position
        self._settles = settles
        self._known: array[int] | None = None
        """Hashes of what the listing before had, sorted; None if there was none, or too much."""
        self._now: array[int] = array("Q")
        self._handled: set[int] = set()
        """Hashes of what was new and has been handled in this listing, or in one that broke off."""
        self._pending: dict[int, float] = {}
        """New in the listing before, and waiting for the next."""
        self._pending_now: dict[int, float] = {}
        self._newest, self._newest_before = 0.0, 0.0
        self._newest_listed_at = 0.0
        """When the listing ended that was the first with `_newest_before`."""

    def new_in(self, page: Iterable[Found]) -> list[Found]:
        """What is new in a page of the current listing."""
        found = []
        for each in page:
            self._newest = max(self._newest, each.appeared)
            number = _number(each)
            if number in self._handled or not self._is_new(each, number):
                self._remember(number)
            elif self._settles and number not in self._pending:
                self._pending_now[number] = each.appeared
            else:
                found.append(each)
        return found

    def handled(self, found: Iterable[Found]) -> None:
        """What was new has been handled, or is nothing that the trigger listens to."""
        for each in found:
            self.position.handled(each.identity, each.appeared)
            self._handled.add(_number(each))
            self._remember(_number(each))

    def old(self, found: Iterable[Found]) -> None:
        """What existed before anything is listened to."""
        for each in found:
            self._remember(_number(each))

    def end(self, now: float) -> None:
        """The listing is complete, at this time, in seconds since the epoch."""
        self._known = None
        if len(self._now) <= MAX_KNOWN:
            self._known = array("Q", sorted(self._now))
        self._pending = self._pending_now
        self.position.settle(min([now, self._time_of_source(now), *self._pending.values()]))
        if self._newest > self._newest_before:
            self._newest_before, self._newest_listed_at = self._newest, now
        self._handled = set()
        self.restart()

    def restart(self) -> None:
        """Begin a listing, although the last one may have broken off."""
        self._now = array("Q")
        self._pending_now = {}

    def _time_of_source(self, now: float) -> float:
        """A lower bound for the clock of the source; 0 if it is unknown.

        Files that appear during a listing are newer than those before it, and the source's clock
        advances while no file appears.
        """
        if not self._newest_before:
            return 0.0
        return self._newest_before + max(0.0, now - self._newest_listed_at)

    def _is_new(self, found: Found, number: int) -> bool:
        if self._known is not None:
            at = bisect_left(self._known, number)
            return at == len(self._known) or self._known[at] != number
        return self.position.is_new(found.identity, found.appeared)

    def _remember(self, number: int) -> None:
        if len(self._now) <= MAX_KNOWN:
            self._now.append(number)


def _number(found: Found) -> int:
    """A hash of 64 bits of what it is."""
    data = found.identity.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest())
