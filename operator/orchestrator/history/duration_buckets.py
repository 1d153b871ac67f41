"""Days, and buckets of durations: the keys by which sums are kept.

A bucket narrows a percentile down to a few durations, of which the exact one is then read.
"""

from __future__ import annotations

from bisect import bisect_right

DAY = 24 * 3600 * 1000
"""Milliseconds of a day."""
NEVER_STARTED = -1
"""The bucket of executions without a duration."""


def _bounds() -> list[int]:
    """The lower bounds of all buckets, each 1.4 times the previous one, up to a year."""
    bounds = [0]
    bound = 100.0
    while bound < 366 * DAY:
        bounds.append(round(bound))
        bound *= 2.0**0.5
    return bounds


BOUNDS = _bounds()
"""Never changed: sums of stored executions are under their indexes."""


def bucket_of(duration: int | None) -> int:
    """The bucket of a duration in milliseconds."""
    return NEVER_STARTED if duration is None else bisect_right(BOUNDS, duration) - 1


def range_of(bucket: int) -> tuple[int, int | None]:
    """The durations of a bucket: at least the first, and less than the second if there is one."""
    end = bucket + 1
    return BOUNDS[bucket], BOUNDS[end] if end < len(BOUNDS) else None


def day_of(moment: int) -> int:
    """The day, in UTC, of a moment in milliseconds."""
    return moment // DAY
