"""A custom trigger type with a clock source: it fires at the start of each period."""

from __future__ import annotations

import math
from collections.abc import Iterator

from orchestrator.engine.times import to_rfc3339
from orchestrator.models.base import Duration, Model, Timestamp, parse_duration
from orchestrator.triggers.sources import Clock, Due, Event
from orchestrator.triggers.trigger_type import TriggerType


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
    events = tuple(_event(number, length) for number in range(first, last + 1))
    return Due(events, max(after, last * length), (last + 1) * length)


def between(interval: Interval, start: float, end: float) -> Iterator[Event]:
    """The periods that begin from `start` until before `end`."""
    length = parse_duration(interval.every)
    for number in range(math.ceil(start / length), math.ceil(end / length)):
        yield _event(number, length)


def _event(number: int, length: float) -> Event:
    moment = number * length
    data = {"beganAt": to_rfc3339(moment), "number": number}
    return Event(INTERVAL.key, str(number), data, moment)


INTERVAL = TriggerType(
    key="interval",
    starts="Starts when a period of the clock begins.",
    settings=Interval,
    event=Period,
    source=Clock(evaluate, between),
)
