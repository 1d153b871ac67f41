"""What the next pass over an execution reconciles, and when the clock alone requires one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple


class Due(NamedTuple):
    """When an execution is reconciled next without an event, and why."""

    seconds: float
    why: str


@dataclass(slots=True)
class WakeUps:
    """Nodes with events, requeued nodes, and the times at which something is due."""

    dirty: set[str] = field(default_factory=set)
    """Active nodes with events, to be reconciled in the next pass."""
    requeued: set[str] = field(default_factory=set)
    """Nodes that the last round started or created for, to be reconciled in the same pass."""
    rescan: bool = True
    """Whether the next round reconciles all active nodes."""
    first: bool = True
    """Whether no round has ended yet: until then every node is checked, active or not."""
    wake_at: float | None = None
    """When the state changes by the clock alone, as decided by the passes so far."""
    recheck_at: float | None = None
    """When missing objects are read live, or held-up creations are retried."""

    def mark(self, node: str) -> None:
        """Record an event for the node."""
        self.dirty.add(node)

    def mark_all(self) -> None:
        """Record a change that may concern every active node."""
        self.rescan = True

    def requeue(self, node: str) -> None:
        """Reconcile the node in another round of this pass."""
        self.requeued.add(node)

    def wake(self, moment: float | None) -> None:
        """Schedule a pass for this time; None if nothing changes by the clock."""
        if moment is not None:
            self.wake_at = min(moment, self.wake_at or moment)

    def recheck(self, moment: float) -> None:
        """Reconcile all active nodes at this time at the latest."""
        self.recheck_at = min(moment, self.recheck_at or moment)

    def take(self, now: float) -> set[str] | None:
        """The active nodes to reconcile in a round that begins now; None means all."""
        names = self.dirty | self.requeued
        self.dirty, self.requeued = set(), set()
        if self.rescan or self.first or any(due.seconds <= 0 for due in self.due(now)):
            self.rescan, self.wake_at, self.recheck_at = False, None, None
            return None
        return names

    def round_ended(self) -> None:
        """Record that every node has been checked once."""
        self.first = False

    @property
    def settled(self) -> bool:
        """Whether the last round left nothing to reconcile in the same pass."""
        return not self.requeued and not self.rescan

    def due(self, now: float) -> Iterator[Due]:
        """What is due by the clock alone, in seconds from now."""
        if self.wake_at is not None:
            yield Due(self.wake_at - now, "next retry, timeout or delay")
        if self.recheck_at is not None:
            yield Due(self.recheck_at - now, "a live read, or another try of a creation")
