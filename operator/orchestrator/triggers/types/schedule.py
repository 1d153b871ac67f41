"""`schedule`: a slot of a cron expression in a time zone is the event.

Slots follow Debian's cron (https://manpages.debian.org/bookworm/cron/cron.8.en.html): a slot that
daylight saving time skips comes right after the change, a repeated slot comes once; with a wildcard
hour or minute, slots follow the wall clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from itertools import takewhile
from typing import Annotated
from zoneinfo import ZoneInfo

from cronsim import CronSim
from pydantic import Field

from orchestrator.engine.times import to_rfc3339
from orchestrator.models.base import Duration, Line, Model, Timestamp, parse_duration
from orchestrator.triggers.trigger_type import Clock, Due, Event, TriggerType
from orchestrator.validation.problem import Problem
from orchestrator.validation.rules.times import positive
from orchestrator.validation.schedule import schedule_advice, schedule_problems

ON_TIME = 60.0
"""Seconds that a slot may be late before it counts as missed."""


class Schedule(Model):
    """Slots of a cron expression."""

    cron: Annotated[str, Field(min_length=1, max_length=256)]
    """Minute, hour, day of month, month, day of week."""
    time_zone: Annotated[str, Field(min_length=1, max_length=64)] = "UTC"
    """Time zone of the schedule, such as Europe/Berlin."""
    jitter: Duration | None = None
    """Delays each execution by up to this time after its slot; a slot always has the same delay."""
    catch_up: Annotated[int, Field(ge=0, le=100)] = 1
    """How many missed slots are caught up on, newest first; 0 skips them."""


class Slot(Model):
    """The event: a slot of the schedule."""

    scheduled_at: Timestamp
    """The slot, without jitter, in UTC."""
    local_time: Timestamp
    """The slot in the schedule's time zone, with the offset from UTC."""
    time_zone: Line
    """The schedule's time zone."""


def evaluate(schedule: Schedule, uid: str, after: float, now: float, since: float = 0.0) -> Due:
    """The slots later than `since` that became due after one moment and until another.

    Of late slots, at most the newest `catchUp` are included. Jitter may exceed the time between
    two slots, so events are ordered by when they are due.
    """
    longest = 0.0 if schedule.jitter is None else parse_duration(schedule.jitter)
    events: list[Event] = []
    mark, again, late = after, float("inf"), 0
    oldest = max(since, after - longest)
    for slot in takewhile(lambda slot: slot > oldest, _backwards(schedule, now)):
        due = _due(schedule, uid, slot)
        if now < due:
            again = min(again, due)
        if not after < due <= now:
            continue
        mark = max(mark, due)
        late += now >= due + ON_TIME
        if now < due + ON_TIME or late <= schedule.catch_up:
            events.append(_event(schedule, slot, due))
        elif now >= slot + longest + ON_TIME:  # and so are all older ones
            mark = max(mark, slot + longest)
            break
    for slot in _forwards(schedule, max(now, oldest)):
        if slot >= again:
            break
        due = _due(schedule, uid, slot)
        if due > after:
            again = min(again, due)
    events.sort(key=lambda event: event.at)
    return Due(tuple(events), mark, None if again == float("inf") else again)


def _due(schedule: Schedule, uid: str, slot: float) -> float:
    """Slot plus jitter, which is derived from the trigger and the slot, so every replica agrees.

    In whole milliseconds, as marks are stored.
    """
    if schedule.jitter is None:
        return slot
    digest = hashlib.blake2b(f"{uid}/{slot:.0f}".encode(), digest_size=8).digest()
    return round(slot + parse_duration(schedule.jitter) * int.from_bytes(digest) / 2**64, 3)


def _event(schedule: Schedule, slot: float, due: float) -> Event:
    local = datetime.fromtimestamp(slot, ZoneInfo(schedule.time_zone))
    data = {
        "scheduledAt": to_rfc3339(slot),
        "localTime": local.isoformat(),
        "timeZone": schedule.time_zone,
    }
    return Event(SCHEDULE.key, f"{slot:.0f}", data, due)


def _backwards(schedule: Schedule, now: float) -> Iterator[float]:
    start = datetime.fromtimestamp(int(now) + 1, ZoneInfo(schedule.time_zone))
    for moment in CronSim(schedule.cron, start, reverse=True):
        yield moment.timestamp()


def _forwards(schedule: Schedule, after: float) -> Iterator[float]:
    start = datetime.fromtimestamp(int(after), ZoneInfo(schedule.time_zone))
    for moment in CronSim(schedule.cron, start):
        yield moment.timestamp()


def _problems(path: str, schedule: Schedule) -> Iterator[Problem]:
    for field, words in schedule_problems(schedule.cron, schedule.time_zone, schedule.jitter):
        yield Problem(f"{path}.{field}", words)
    if schedule.jitter is not None:
        yield from positive(f"{path}.jitter", schedule.jitter)


def _advice(path: str, schedule: Schedule) -> Iterator[Problem]:
    for field, words in schedule_advice(schedule.cron):
        yield Problem(f"{path}.{field}", words)


SCHEDULE = TriggerType(
    key="schedule",
    starts="Starts at the slots of a cron expression.",
    settings=Schedule,
    event=Slot,
    source=Clock(evaluate),
    problems=_problems,
    advice=_advice,
)
