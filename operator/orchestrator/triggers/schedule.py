"""`schedule`: a slot of a cron expression in a time zone is the event.

Slots follow Debian's cron (https://manpages.debian.org/bookworm/cron/cron.8.en.html): a slot that a
change to daylight saving skips comes right after it, one that is passed twice comes once; where the
hour or the minute is a wildcard, the clock's own hours count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

from orchestrator.engine.times import to_rfc3339
from orchestrator.models.base import parse_duration
from orchestrator.models.trigger import Schedule
from orchestrator.triggers.starting import Event

TYPE = "schedule"
ON_TIME = 60.0
"""Seconds by which a slot may be late without counting as missed."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a look at a schedule comes to. Seconds since the epoch."""

    events: tuple[Event, ...]
    """The oldest first; `at` is when each is due, its slot plus its jitter."""
    mark: float
    """Up to where everything that was due has been dealt with once these events are stored."""
    again: float | None
    """When to look again."""


def look(schedule: Schedule, uid: str, after: float, now: float, since: float = 0.0) -> Due:
    """The slots later than `since` that became due after one moment and until another.

    Of those that are late at most `catchUp` are made up for, the newest ones. Jitter may be longer
    than the time between two slots, so it is when they are due that orders them.
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
        elif now >= slot + longest + ON_TIME:  # and so is every older one
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
    """Slot and jitter, which is drawn from the trigger and the slot: the same whoever draws it.

    In whole milliseconds, as a mark is stored.
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
    return Event(TYPE, f"{slot:.0f}", data, due)


def _backwards(schedule: Schedule, now: float) -> Iterator[float]:
    start = datetime.fromtimestamp(int(now) + 1, ZoneInfo(schedule.time_zone))
    for moment in CronSim(schedule.cron, start, reverse=True):
        yield moment.timestamp()


def _forwards(schedule: Schedule, after: float) -> Iterator[float]:
    start = datetime.fromtimestamp(int(after), ZoneInfo(schedule.time_zone))
    for moment in CronSim(schedule.cron, start):
        yield moment.timestamp()
