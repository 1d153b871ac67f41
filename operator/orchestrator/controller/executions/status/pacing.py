"""When a status is written: at once where something rests on it, otherwise batched.

What rests on evidence (a pod that ended, its Job) outlives a crash without being stored, so under
load one write takes along all that an execution's nodes came to meanwhile: a large status costs the
API server milliseconds a write, whatever changed in it.
"""

from __future__ import annotations

from orchestrator.controller.executions.tracked import Tracked

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


def pace(took: float) -> float:
    """Seconds to wait before the next write, when the last one took this long."""
    return min(max(MIN_PACE, PACE_FACTOR * took), MAX_PACE)


def due(tracked: Tracked, active: int, now: float) -> bool:
    """Whether progress that could wait is to be written now, with so many executions active."""
    return bool(tracked.unstored) and tracked.writing is None and _left(tracked, active, now) <= 0


def next_change(tracked: Tracked, active: int, now: float) -> float | None:
    """Seconds until the clock alone changes something; None when only an event can.

    The end of a write under way is an event.
    """
    moments = [
        moment - now for moment in (tracked.wake_at, tracked.recheck_at) if moment is not None
    ]
    if tracked.unstored and tracked.writing is None:
        moments.append(_left(tracked, active, now))
    return max(min(moments), 0.001) if moments else None


def _left(tracked: Tracked, active: int, now: float) -> float:
    left = _rest(tracked.written_at, tracked.pace, now)
    if tracked.moved:
        return left
    batching = max(BATCH_WAIT, BATCH_FACTOR * (tracked.pace - BUSY), active / PROGRESS_WRITES)
    return max(left, _rest(tracked.unstored_since, batching, now))


def _rest(since: float, wait: float, now: float) -> float:
    """What is left of a wait; nothing when the clock was set back meanwhile."""
    return since + wait - now if since <= now else 0.0
