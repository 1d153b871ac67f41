"""What one trigger has taken from the watch that it shares, and still has to deliver."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.dispatch.status import TriggerProgress
from orchestrator.kube.cache import Key
from orchestrator.process.bounded_set import BoundedSet
from orchestrator.triggers.marks import Mark
from orchestrator.triggers.plan import Outcome
from orchestrator.triggers.registry import Trigger
from orchestrator.triggers.sources import Change, Changes, Event

logger = logging.getLogger(__name__)

MAX_PENDING = 1_000
"""Events that a trigger keeps for delivery; beyond, it reads again from its mark."""
MAX_DELIVERED = 2_000
"""Identities of delivered events that a trigger keeps, the most recent."""
MARGIN_SECONDS = 60.0
"""Seconds by which an event may be older than the mark and still count: clocks differ."""
SETTLE_SECONDS = MARGIN_SECONDS + 90.0
"""Seconds after the last event at which the mark is stored a last time: the server sends a bookmark
every minute, and the mark is then later than the event by more than the margin. So the event is old
to every later process."""
REFRESH_SECONDS = 120.0
"""Seconds between two writes of the mark of a trigger that listens to deletions: etcd keeps five
minutes of changes, and a list does not show what is gone."""


@dataclass(frozen=True, slots=True)
class Pending:
    """An event to deliver, and the mark before its change."""

    before: Mark
    event: Event


class Follower:
    """A trigger that follows changes. Times are in seconds since the epoch."""

    def __init__(
        self, key: Key, trigger: Trigger, source: Changes[Any], mark: Mark, since: float
    ) -> None:
        """Events of before `since` are not for it."""
        self.key = key
        self.trigger = trigger
        self.source = source
        self._since = since
        self.seen = mark
        """Everything up to here was taken from the watch."""
        self.stored: Mark | None = None
        """The mark in the status."""
        self.pending: deque[Pending] = deque()
        self.behind = False
        """Whether it takes nothing more until it has delivered what is pending."""
        self.reset = False
        """Whether the mark is to go back: the cluster's state was restored from a backup."""
        self.unsaved = False
        """Whether the mark must be stored although nothing was delivered."""
        self.progress: TriggerProgress | None = None
        """Progress that the status does not include yet."""
        self.writing = mark
        """The mark that the current write of the status stores."""
        self.written_at = float("-inf")
        self.settles_at: float | None = None
        self._last_event = 0.0
        self._delivered: BoundedSet[str] = BoundedSet(MAX_DELIVERED)
        self._waiting: set[str] = set()

    @property
    def mark(self) -> Mark:
        """Everything up to here was delivered."""
        return self.pending[0].before if self.pending else self.seen

    def take(self, change: Change, version: int, *, listed: bool = False) -> bool:
        """Take a change with its resourceVersion; returns whether there is something new to do."""
        if self.behind or version <= self.seen.version:
            return False
        fresh = [event for event in self._events(change) if self._is_new(event, listed=listed)]
        suspended = self.trigger.spec.suspend
        if fresh and not suspended:
            if self.pending and len(self.pending) + len(fresh) > MAX_PENDING:
                self.behind = True
                return False
            self.pending.extend(Pending(self.seen, event) for event in fresh)
            self._waiting.update(event.identity for event in fresh)
        elif fresh:
            self.unsaved = True  # not to be caught up on, in whichever process it is resumed
        # Its time stays: a watch that catches up reports old changes now.
        self.seen = replace(self.seen, version=version)
        return bool(fresh)

    def reach(self, version: int, now: float) -> None:
        """Everything up to this version was taken, and that is all there is now."""
        if version >= self.seen.version and not self.behind:
            self.seen = Mark(version, now, self.seen.settings)

    def go_back(self, version: int, now: float) -> None:
        """The cluster's versions end before the mark."""
        self.seen = Mark(version, now, self.seen.settings)
        self.reset = self.unsaved = True

    def delivered(self, outcome: Outcome) -> None:
        """The first pending event was delivered.

        One that the filter refused may hold in a later change of the object.
        """
        event = self.pending.popleft().event
        self._last_event = max(self._last_event, event.at)
        self._waiting.discard(event.identity)
        repeated = outcome is Outcome.DEDUPLICATED and event.key
        if outcome is not Outcome.FILTERED and not repeated:
            self._delivered.add(event.identity)

    def discard(self) -> None:
        """Drop what is pending: the trigger is suspended."""
        if self.pending:
            self.pending.clear()
            self._waiting.clear()
            self.unsaved = True

    def settle(self, now: float) -> None:
        """Events were delivered: the mark is stored a last time when they are old."""
        self.settles_at = now + SETTLE_SECONDS

    def due(self, now: float) -> bool:
        """Whether the status is to be written, apart from the limit on its frequency."""
        progress = self.progress
        return (
            self.unsaved
            or self.stored is None
            or (progress is not None and bool(progress.counts))
            or self._settles(now)
            or (self.refreshes and now >= self.written_at + REFRESH_SECONDS and self._moved)
        )

    def _settles(self, now: float) -> bool:
        old = self.mark.at > self._last_event + MARGIN_SECONDS
        return self.settles_at is not None and now >= self.settles_at and old

    @property
    def refreshes(self) -> bool:
        """Whether it listens to deletions."""
        return self.source.deletions(self.trigger.settings)

    @property
    def _moved(self) -> bool:
        return self.stored is None or self.stored.version < self.mark.version

    def saved(self, now: float) -> None:
        """The status was written."""
        self.stored, self.written_at, self.progress = self.writing, now, None
        self.unsaved = self.reset = False
        if self._settles(now):
            self.settles_at = None

    def _events(self, change: Change) -> Sequence[Event]:
        try:
            return self.source.events(self.trigger.settings, change)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # Its status may be written by anyone; no other object is held up.
            name = change.object.get("metadata", {}).get("name")
            logger.warning("trigger %s/%s: %s is unreadable: %r", *self.key, name, error)
            return ()

    def _is_new(self, event: Event, *, listed: bool) -> bool:
        if event.identity in self._delivered or event.identity in self._waiting:
            return False
        exact = not self.source.level and not listed
        return exact or event.at >= max(self._since, self.seen.at - MARGIN_SECONDS)
