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
    mark: float
    """Up to where every slot has been dealt with once these events are stored."""
    again: float | None
    """When to look again."""


def look(schedule: Schedule, uid: str, after: float, now: float) -> Due:
    """The slots after one moment that are due at another, the oldest first.

    Of those that are late at most `catchUp` are made up for, the newest ones.
    """
    events: list[Event] = []
    dealt, waiting, late = [], [], 0
    for slot in takewhile(lambda slot: slot > after, _backwards(schedule, now)):
        due = slot + jitter(schedule, uid, slot)
        if now < due:
            waiting.append((slot, due))
            continue
        dealt.append(slot)
        late += now >= due + ON_TIME
        if now >= due + ON_TIME and late > schedule.catch_up:
            break
        events.append(_event(schedule, slot))
    oldest = min((slot for slot, _ in waiting), default=float("inf"))
    mark = max((slot for slot in dealt if slot < oldest), default=after)
    following = next(_forwards(schedule, max(now, after)), None)
    moments = [due for _, due in waiting]
    if following is not None:
        moments.append(following + jitter(schedule, uid, following))
    return Due(tuple(reversed(events)), mark, min(moments, default=None))


def jitter(schedule: Schedule, uid: str, slot: float) -> float:
    """Seconds after the slot: drawn from the trigger and the slot, the same whoever draws it."""
    if schedule.jitter is None:
        return 0.0
    digest = hashlib.blake2b(f"{uid}/{slot:.0f}".encode(), digest_size=8).digest()
    return parse_duration(schedule.jitter) * int.from_bytes(digest) / 2**64


def _event(schedule: Schedule, slot: float) -> Event:
    local = datetime.fromtimestamp(slot, ZoneInfo(schedule.time_zone))
    data = {
        "scheduledAt": to_rfc3339(slot),
        "localTime": local.isoformat(),
        "timeZone": schedule.time_zone,
    }
    return Event(TYPE, f"{slot:.0f}", data, slot)


def _backwards(schedule: Schedule, now: float) -> Iterator[float]:
    start = datetime.fromtimestamp(int(now) + 1, ZoneInfo(schedule.time_zone))
    for moment in CronSim(schedule.cron, start, reverse=True):
        yield moment.timestamp()


def _forwards(schedule: Schedule, after: float) -> Iterator[float]:
    start = datetime.fromtimestamp(int(after), ZoneInfo(schedule.time_zone))
    for moment in CronSim(schedule.cron, start):
        yield moment.timestamp()
