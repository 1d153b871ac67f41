"""Which records the stored status lacks, and when they are written.

At once if something depends on the write, otherwise batched. Progress that rests on evidence (a pod
that ended, its Job) survives a crash without being stored, so under load one write combines the
progress of all nodes: writing a large status costs the API server milliseconds, whatever changed in
it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.engine.status.records import Record

BATCH_WAIT, BATCH_FACTOR = 1.0, 5.0
"""Seconds for which a write that only reports progress waits for others to join it; under load,
several times the pace."""
PROGRESS_WRITES = 50.0
"""Such writes a second for all executions together: the more are active, the longer each waits."""
BUSY = 0.5
"""Pace in seconds from which the operator is under load."""
MIN_PACE, MAX_PACE = 0.25, 2.0
"""Minimum and maximum seconds between two progress writes of one execution."""
PACE_FACTOR = 100.0
"""The next write waits this multiple of the last write's duration."""


@dataclass(slots=True)
class PendingStatus:
    """The stored status, and what the next write adds to it."""

    version: int
    """The resourceVersion of the execution as last read or written."""
    conditions: Sequence[Mapping[str, Any]]
    unstored: dict[str, Record] = field(default_factory=dict)
    """Records of the run that are not part of any write yet."""
    in_flight: Mapping[str, Record] = field(default_factory=dict)
    """Records in the write in flight."""
    replaced: dict[str, Record | None] = field(default_factory=dict)
    """The unstored nodes' records in the status, after the write in flight."""
    transition: bool = False
    """Whether a node changed its phase, and not only its reported progress."""
    unstored_since: float = 0.0
    write: asyncio.Task[None] | None = None
    """A write in the background: no other one begins before it ends."""
    written_at: float = 0.0
    """When the status was last written."""
    pace: float = 0.0
    """Minimum seconds between two writes, unless one cannot wait."""

    def add(
        self,
        changes: Mapping[str, Record],
        before: Mapping[str, Record],
        now: float,
        *,
        transition: bool,
    ) -> None:
        """Store these changes of the records `before` with the next write."""
        if changes and not self.unstored:
            self.unstored_since = now
        for name in changes:
            self.replaced.setdefault(name, before.get(name))
        self.transition = self.transition or transition
        self.unstored.update(changes)

    def reuse(self, records: Mapping[str, Record]) -> None:
        """Store these records of an earlier execution with the first write."""
        self.unstored = dict(records)

    def take(self) -> Mapping[str, Record]:
        """The records for a write that begins now; if it fails, the status is read again."""
        self.in_flight = self.unstored
        self.unstored, self.replaced, self.transition = {}, {}, False
        return self.in_flight

    def stored(
        self, version: int, now: float, took: float, conditions: Sequence[Mapping[str, Any]]
    ) -> None:
        """Record a completed write that began at `now` and took `took` seconds."""
        self.version, self.conditions = version, conditions
        self.written_at, self.pace = now, min(max(MIN_PACE, PACE_FACTOR * took), MAX_PACE)
        self.in_flight = {}

    def has_stored(self, node: str) -> bool:
        """Whether the status has the node's current record."""
        return node not in self.in_flight and node not in self.unstored

    def continue_from(self, earlier: PendingStatus, stored: Mapping[str, Record]) -> None:
        """Keep unstored records that rest on evidence, unless the newly read status differs."""
        self.written_at, self.pace = earlier.written_at, earlier.pace
        if any(_stage(stored.get(name)) != _stage(old) for name, old in earlier.replaced.items()):
            return
        self.unstored, self.replaced = earlier.unstored, earlier.replaced
        self.unstored_since, self.transition = earlier.unstored_since, earlier.transition

    def begin_write(self, write: asyncio.Task[None]) -> None:
        """Record that a write begins in the background."""
        self.write = write

    def end_write(self) -> None:
        """Record that it has ended or failed."""
        self.write = None

    def due_in(self, active: int, now: float) -> float | None:
        """Seconds until progress is written, with `active` executions; 0 or less means now.

        None if there is none, or a write is in flight: its end is an event.
        """
        if not self.unstored or self.write is not None:
            return None
        left = _rest(self.written_at, self.pace, now)
        if self.transition:
            return left
        batching = max(BATCH_WAIT, BATCH_FACTOR * (self.pace - BUSY), active / PROGRESS_WRITES)
        return max(left, _rest(self.unstored_since, batching, now))


def _rest(since: float, wait: float, now: float) -> float:
    """The rest of a wait; 0 if the clock was set back in the meantime."""
    return since + wait - now if since <= now else 0.0


def _stage(record: Record | None) -> tuple[object, ...]:
    return () if record is None else (record.phase, record.attempts, record.iteration)
