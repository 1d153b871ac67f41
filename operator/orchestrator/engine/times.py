"""Timestamps: seconds since the epoch in memory, RFC 3339 with milliseconds in a status."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def to_rfc3339(seconds: float) -> str:
    """`2026-01-31T12:00:00.250Z` for seconds since the epoch."""
    whole, part = divmod(round(seconds * 1_000_000), 1_000_000)
    return f"{_second(whole)}.{part // 1000:03d}Z"


@lru_cache(maxsize=512)
def _second(whole: int) -> str:
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}"


def from_rfc3339(text: str) -> float:
    """Seconds since the epoch; ValueError when the text is not a timestamp with a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write one such as 2026-01-31T12:00:00Z")
    return moment.timestamp()


def optional_from_rfc3339(text: str | None) -> float | None:
    """As `from_rfc3339`; None stays None."""
    return None if text is None else from_rfc3339(text)


def in_words(seconds: float) -> str:
    """A duration for people: `0.3s`, `12s`, `4m10s`, `2h5m`."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
