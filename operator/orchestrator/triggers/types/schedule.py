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
from orchestrator.models.trigger import TriggerSpec
from orchestrator.triggers.sources import Clock, Due, Event
from orchestrator.triggers.trigger_type import TriggerType
from orchestrator.validation.problem import Problem
from orchestrator.validation.rules.times import positive
from orchestrator.validation.schedule import (
    minutes_of,
    schedule_advice,
    schedule_problems,
    seconds_of,
)

ON_TIME = 60.0
"""Seconds that a slot may be late before it counts as missed."""


class Schedule(Model):
    """Slots of a cron expression."""

    cron: Annotated[str, Field(min_length=1, max_length=256)]
    """Minute, hour, day of month, month, day of week, with the second before them if there are six
    fields; or @hourly, @daily, @weekly, @monthly, @yearly."""
    time_zone: Annotated[str, Field(min_length=1, max_length=64)] = "UTC"
    """Time zone of the schedule, such as Europe/Berlin."""
    jitter: Duration | None = None
    """Delays each execution by up to this time after its slot; a slot always has the same delay."""
    catch_up: Annotated[int, Field(ge=0, le=100)] = 1
    """How many missed slots are caught up on, newest first; 0 skips them."""
    start_deadline: Duration | None = None
    """A slot that is later than this starts nothing, caught up on or not; without it, only
    catchUp decides."""


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
    deadline = float("inf")
    if schedule.start_deadline is not None:
        deadline = parse_duration(schedule.start_deadline)
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
        if now < due + deadline and (now < due + ON_TIME or late <= schedule.catch_up):
            events.append(_event(schedule, slot, due))
        elif now >= slot + longest + min(ON_TIME, deadline):  # and so are all older ones
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
    return Event(SCHEDULE.key, f"{slot:.0f}", data, due, limited=False)


def between(schedule: Schedule, start: float, end: float) -> Iterator[Event]:
    """The events of all slots from `start` until before `end`, oldest first, without jitter."""
    for slot in _forwards(schedule, start - 1):
        if slot >= end:
            return
        if slot >= start:
            yield _event(schedule, slot, slot)


def _backwards(schedule: Schedule, now: float) -> Iterator[float]:
    """The slots until now, newest first."""
    seconds = tuple(reversed(seconds_of(schedule.cron)))
    start = datetime.fromtimestamp(int(now) + 1, ZoneInfo(schedule.time_zone))
    for minute in CronSim(minutes_of(schedule.cron), start, reverse=True):
        for second in seconds:
            if (slot := minute.timestamp() + second) <= now:
                yield slot


def _forwards(schedule: Schedule, after: float) -> Iterator[float]:
    """The slots later than `after`, oldest first.

    The rules for changes to daylight saving are about minutes; a slot is a minute and its second.
    """
    seconds = seconds_of(schedule.cron)
    start = datetime.fromtimestamp(int(after) // 60 * 60 - 1, ZoneInfo(schedule.time_zone))
    for minute in CronSim(minutes_of(schedule.cron), start):
        for second in seconds:
            if (slot := minute.timestamp() + second) > after:
                yield slot


def _problems(path: str, schedule: Schedule) -> Iterator[Problem]:
    for field, words in schedule_problems(schedule.cron, schedule.time_zone, schedule.jitter):
        yield Problem(f"{path}.{field}", words)
    if schedule.jitter is not None:
        yield from positive(f"{path}.jitter", schedule.jitter)
    if schedule.start_deadline is not None:
        yield from positive(f"{path}.startDeadline", schedule.start_deadline)


def _advice(path: str, schedule: Schedule, _spec: TriggerSpec) -> Iterator[Problem]:
    for field, words in schedule_advice(schedule.cron):
        yield Problem(f"{path}.{field}", words)


SCHEDULE = TriggerType(
    key="schedule",
    starts="Starts at the slots of a cron expression.",
    settings=Schedule,
    event=Slot,
    source=Clock(evaluate, between),
    problems=_problems,
    advice=_advice,
)
