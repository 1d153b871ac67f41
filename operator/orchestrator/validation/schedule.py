"""Whether a schedule can be read: its cron expression and its time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from orchestrator.models.base import parse_duration
from orchestrator.models.trigger import Schedule

LONGEST_JITTER = 24 * 3600.0
"""Seconds: every slot of the time before is looked at."""


def schedule_problems(schedule: Schedule) -> list[tuple[str, str]]:
    """What is wrong, as field and words."""
    found = []
    try:
        ZoneInfo(schedule.time_zone)
    except (KeyError, ValueError, OSError):
        words = f"there is no time zone {schedule.time_zone!r}; write one such as Europe/Berlin"
        found.append(("timeZone", words))
    try:
        CronSim(schedule.cron, datetime(2026, 1, 1, tzinfo=UTC))
        if len(schedule.cron.split()) != 5:
            raise CronSimError("it has not five fields")
    except CronSimError as error:
        words = "minute, hour, day of month, month, day of week, such as '30 3 * * 1-5'"
        found.append(("cron", f"{schedule.cron!r} cannot be read ({error}): {words}"))
    if schedule.jitter is not None and parse_duration(schedule.jitter) > LONGEST_JITTER:
        found.append(("jitter", f"{schedule.jitter} is too long: at most 24h"))
    return found
