"""Durations as users type them: those of the API, and days."""

from __future__ import annotations

import re

from orchestrator.models.base import parse_duration
from orchestrator.session.errors import UsageError

_DAY = 86_400.0
MAX_DAYS = 10_000


def read_duration(option: str, text: str) -> float:
    """Seconds of a duration such as `90s`, `2h` or `7d`, at most MAX_DAYS. Raises UsageError that
    names the option."""
    days = re.match(r"([0-9]+(?:\.[0-9]+)?)d", text)
    rest = text[days.end() :] if days else text
    try:
        seconds = parse_duration(rest) if rest or not days else 0.0
    except ValueError as error:
        raise UsageError(
            f"{option} {text}: not a duration; write one such as 90s, 15m, 2h or 7d"
        ) from error
    seconds += float(days[1]) * _DAY if days else 0.0
    if seconds > MAX_DAYS * _DAY:  # no database has a time before it
        raise UsageError(f"{option} {text[:40]}: at most {MAX_DAYS:,}d")
    return seconds
