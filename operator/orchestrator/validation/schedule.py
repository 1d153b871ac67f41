"""Checks a schedule: its cron expression and its time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from orchestrator.models.base import parse_duration
from orchestrator.models.nearest import did_you_mean
from orchestrator.validation.familiar.crons import advise, correct

LONGEST_JITTER = 24 * 3600.0
"""Maximum jitter in seconds: every slot of that time is computed."""
_FIELDS = "minute, hour, day of month, month, day of week, such as '30 3 * * 1-5'"


def schedule_problems(cron: str, time_zone: str, jitter: str | None) -> list[tuple[str, str]]:
    """Problems, as field and message."""
    found = []
    try:
        ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError):
        hint = did_you_mean(time_zone, _zones()) or "; write one such as Europe/Berlin"
        found.append(("timeZone", f"there is no time zone {time_zone!r}{hint}"))
    if (words := _wrong(cron)) is not None:
        words = correct(cron, lambda text: _wrong(text) is None) or f"{words}: {_FIELDS}"
        found.append(("cron", f"{cron!r} is not a cron expression; {words}"))
    if jitter is not None and parse_duration(jitter) > LONGEST_JITTER:
        found.append(("jitter", f"{jitter} is too long: at most 24h"))
    return found


def schedule_advice(cron: str) -> list[tuple[str, str]]:
    """Warnings, as field and message."""
    if _wrong(cron) is not None:
        return []
    return [("cron", words) for words in advise(cron)]


def _wrong(cron: str) -> str | None:
    """Why a cron expression is invalid, or None."""
    fields = len(cron.split())
    if fields != 5:
        return f"it has {fields} field{'' if fields == 1 else 's'}, and a schedule has five"
    try:
        CronSim(cron, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        message = str(error)
        return message[:1].lower() + message[1:]
    return None


@lru_cache(maxsize=1)
def _zones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))
