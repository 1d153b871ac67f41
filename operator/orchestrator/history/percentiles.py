"""Exact percentiles of durations: a bucket narrows each down to a few, of which one is read."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from orchestrator.history.duration_buckets import NEVER_STARTED, bucket_of, range_of
from orchestrator.history.selection import Selection, conditions
from orchestrator.history.tables import EXECUTIONS

PERCENTILES = (50, 95, 99)


def rank(percent: int, count: int) -> int:
    """The position, from 0, of a percentile by nearest rank among this many ordered values."""
    return max(0, math.ceil(percent / 100 * count) - 1)


async def percentiles(
    connection: AsyncConnection,
    selection: Selection,
    buckets: Mapping[int, int],
    others: Sequence[int] = (),
) -> dict[int, float]:
    """Seconds by percent, of the recorded executions with `others`, in milliseconds; empty without
    any. `buckets` are the numbers of the recorded ones."""
    counts = Counter({key: runs for key, runs in buckets.items() if key != NEVER_STARTED})
    recorded = dict(counts)
    counts.update(map(bucket_of, others))
    total, ordered = counts.total(), sorted(others)
    found: dict[int, float] = {}
    for percent in PERCENTILES if total else ():
        position = rank(percent, total)
        for bucket, runs in sorted(counts.items()):
            if position < runs:
                runs = recorded.get(bucket, 0)
                exact = await _within(connection, selection, bucket, position, runs, ordered)
                found[percent] = exact / 1000
                break
            position -= runs
    return found


async def _within(
    connection: AsyncConnection,
    selection: Selection,
    bucket: int,
    position: int,
    runs: int,
    ordered: Sequence[int],
) -> int:
    """The duration at a position in a bucket, which has so many recorded ones and some of the
    ordered others.

    Of the recorded ones, at most `position` precede it, and at least so many less as there are
    others: between the two, it is searched for.
    """
    low, high = range_of(bucket)
    end = len(ordered) if high is None else bisect_left(ordered, high)
    others = ordered[bisect_left(ordered, low) : end]
    first, last = max(0, position - len(others)), min(position, runs - 1)
    read = await _read(connection, selection, bucket, runs, first, last) if first <= last else []
    return sorted([*read, *others])[position - first]


async def _read(
    connection: AsyncConnection,
    selection: Selection,
    bucket: int,
    runs: int,
    first: int,
    last: int,
) -> list[int]:
    """The recorded durations of a bucket at these positions, counted from its nearer end."""
    low, high = range_of(bucket)
    duration = EXECUTIONS.c.duration
    query = select(duration).where(*conditions(selection), duration >= low)
    if high is not None:
        query = query.where(duration < high)
    if first * 2 < runs:
        query = query.order_by(duration).offset(first)
    else:
        query = query.order_by(duration.desc()).offset(runs - 1 - last)
    found = await connection.execute(query.limit(last - first + 1))
    return [int(value) for value in found.scalars()]
