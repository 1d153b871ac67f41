"""Checks a schedule: its cron expression and its time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from orchestrator.models.base import parse_duration
from orchestrator.models.nearest import did_you_mean
from orchestrator.validation.suggestions.crons import advise, correct, with_seconds

MAX_JITTER = 24 * 3600.0
"""Maximum jitter in seconds: every slot within the jitter is computed."""
MAX_SUB_MINUTE_JITTER = 600.0
"""Maximum jitter in seconds of a schedule that fires more than once a minute."""
_FIELDS = (
    "minute, hour, day of month, month, day of week, such as '30 3 * * 1-5'; seconds first in six"
)
_START = datetime(2026, 1, 1, tzinfo=UTC)


def schedule_problems(cron: str, time_zone: str, jitter: str | None) -> list[tuple[str, str]]:
    """Problems, as field and message."""
    problems = []
    try:
        ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError):
        hint = did_you_mean(time_zone, _zones()) or "; write one such as Europe/Berlin"
        problems.append(("timeZone", f"there is no time zone {time_zone!r}{hint}"))
    if (error := _error(cron)) is not None:
        hint = correct(cron, lambda text: _error(text) is None) or f"{error}: {_FIELDS}"
        problems.append(("cron", f"{cron!r} is not a cron expression; {hint}"))
    maximum, limit = MAX_JITTER, "at most 24h"
    if not problems and len(seconds_of(cron)) > 1:
        maximum, limit = MAX_SUB_MINUTE_JITTER, "at most 10m where cron has several seconds"
    if jitter is not None and parse_duration(jitter) > maximum:
        problems.append(("jitter", f"{jitter} is too long: {limit}"))
    return problems


def seconds_of(cron: str) -> tuple[int, ...]:
    """The seconds of each minute at which a valid cron expression fires, ascending."""
    second = with_seconds(cron)[0]
    return tuple(sorted(CronSim(f"{second} * * * * *", _START).seconds))


def minutes_of(cron: str) -> str:
    """The five fields of a cron expression without its seconds."""
    return " ".join(with_seconds(cron)[1:])


def schedule_advice(cron: str) -> list[tuple[str, str]]:
    """Warnings, as field and message."""
    if _error(cron) is not None:
        return []
    return [("cron", message) for message in advise(cron)]


def _error(cron: str) -> str | None:
    """Why a cron expression is invalid, or None."""
    fields = with_seconds(cron)
    if len(fields) != 6:
        count = len(cron.split())
        return f"it has {count} field{'' if count == 1 else 's'}, and a schedule has five or six"
    try:
        CronSim(" ".join(fields), _START)
    except CronSimError as error:
        message = str(error)
        return message[:1].lower() + message[1:]
    return None


@lru_cache(maxsize=1)
def _zones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))
