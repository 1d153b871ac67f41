"""Which records the stored status lacks, and when they are written.

At once where something rests on the write, otherwise batched. What rests on evidence (a pod that
ended, its Job) outlives a crash without being stored, so under load one write takes along all that
an execution's nodes came to meanwhile: a large status costs the API server milliseconds a write,
whatever changed in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.engine.status.records import Record

BATCH_WAIT, BATCH_FACTOR = 1.0, 5.0
"""Seconds that a write which only shows progress waits for another to join it; under load, where
the pace is slow, several times the pace."""
PROGRESS_WRITES = 50.0
"""Such writes a second, of all executions together: the more are active, the longer each waits."""
BUSY = 0.5
"""The pace in seconds from which it is load."""
MIN_PACE, MAX_PACE = 0.25, 2.0
"""Seconds between two writes of one execution's progress, at least and at most."""
PACE_FACTOR = 100.0
"""As many times as long as the last write took, the next one waits."""


@dataclass(slots=True)
class PendingStatus:
    """The stored status, and what the next write adds to it."""

    version: int
    """The resourceVersion of the execution as last read or written."""
    conditions: Sequence[Mapping[str, Any]]
    unstored: dict[str, Record] = field(default_factory=dict)
    """Records that are part of the run, but of no write yet."""
    in_flight: Mapping[str, Record] = field(default_factory=dict)
    """Those of the write under way."""
    replaced: dict[str, Record | None] = field(default_factory=dict)
    """What the status has of the unstored nodes, after the write under way."""
    transition: bool = False
    """Whether a node changed its phase in them, and not only what is reported of it."""
    unstored_since: float = 0.0
    write: asyncio.Task[None] | None = None
    """A write in the background: no other one begins before it ends."""
    written_at: float = 0.0
    """When the status was last written."""
    pace: float = 0.0
    """Seconds from one write to the next, at least, unless one cannot wait."""

    def add(
        self,
        changes: Mapping[str, Record],
        before: Mapping[str, Record],
        now: float,
        *,
        transition: bool,
    ) -> None:
        """The next write stores these changes of the records `before`."""
        if changes and not self.unstored:
            self.unstored_since = now
        for name in changes:
            self.replaced.setdefault(name, before.get(name))
        self.transition = self.transition or transition
        self.unstored.update(changes)

    def reuse(self, records: Mapping[str, Record]) -> None:
        """The first write stores these of an earlier execution."""
        self.unstored = dict(records)

    def take(self) -> Mapping[str, Record]:
        """The records that a write which begins now stores; if it fails, it is read again."""
        self.in_flight = self.unstored
        self.unstored, self.replaced, self.transition = {}, {}, False
        return self.in_flight

    def stored(
        self, version: int, now: float, took: float, conditions: Sequence[Mapping[str, Any]]
    ) -> None:
        """The write that began at `now` took so many seconds; the status has what it stored."""
        self.version, self.conditions = version, conditions
        self.written_at, self.pace = now, min(max(MIN_PACE, PACE_FACTOR * took), MAX_PACE)
        self.in_flight = {}

    def has_stored(self, node: str) -> bool:
        """Whether the status has the node's record as it is here."""
        return node not in self.in_flight and node not in self.unstored

    def continue_from(self, earlier: PendingStatus, stored: Mapping[str, Record]) -> None:
        """Keep what rested on evidence, unless the status that was read says otherwise by now."""
        self.written_at, self.pace = earlier.written_at, earlier.pace
        if any(_stage(stored.get(name)) != _stage(old) for name, old in earlier.replaced.items()):
            return
        self.unstored, self.replaced = earlier.unstored, earlier.replaced
        self.unstored_since, self.transition = earlier.unstored_since, earlier.transition

    def begin_write(self, write: asyncio.Task[None]) -> None:
        """A write begins in the background."""
        self.write = write

    def end_write(self) -> None:
        """It has ended, or failed."""
        self.write = None

    def due_in(self, active: int, now: float) -> float | None:
        """Seconds until progress is written, with so many executions active; 0 or less is now.

        None where there is none, or a write is under way: its end is an event.
        """
        if not self.unstored or self.write is not None:
            return None
        left = _rest(self.written_at, self.pace, now)
        if self.transition:
            return left
        batching = max(BATCH_WAIT, BATCH_FACTOR * (self.pace - BUSY), active / PROGRESS_WRITES)
        return max(left, _rest(self.unstored_since, batching, now))


def _rest(since: float, wait: float, now: float) -> float:
    """What is left of a wait; nothing when the clock was set back meanwhile."""
    return since + wait - now if since <= now else 0.0


def _stage(record: Record | None) -> tuple[object, ...]:
    return () if record is None else (record.phase, record.attempts, record.iteration)
