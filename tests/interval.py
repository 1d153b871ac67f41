"""A trigger type of the tests' own, in one file: each period of the clock is an event."""

from __future__ import annotations

from orchestrator.engine.times import to_rfc3339
from orchestrator.models.base import Duration, Model, Timestamp, parse_duration
from orchestrator.triggers.trigger_type import Clock, Due, Event, TriggerType


class Interval(Model):
    """Periods of the clock."""

    every: Duration
    """How long a period is."""


class Period(Model):
    """The event: a period has begun."""

    began_at: Timestamp
    """When it began."""
    number: int
    """How many there were since 1970."""


def evaluate(interval: Interval, _uid: str, after: float, now: float, since: float) -> Due:
    """The periods that began after one moment and until another."""
    length = parse_duration(interval.every)
    first, last = int(max(after, since) // length) + 1, int(now // length)
    events = tuple(
        Event(
            INTERVAL.key,
            str(number),
            {"beganAt": to_rfc3339(number * length), "number": number},
            number * length,
        )
        for number in range(first, last + 1)
    )
    return Due(events, max(after, last * length), (last + 1) * length)


INTERVAL = TriggerType(
    key="interval",
    starts="Starts when a period of the clock begins.",
    settings=Interval,
    event=Period,
    source=Clock(evaluate),
)
