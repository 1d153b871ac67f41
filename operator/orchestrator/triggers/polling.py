"""How often sources are read that do not announce what is new."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.models.base import parse_duration
from orchestrator.validation.problem import Problem

MIN_SECONDS = 5.0
"""Least time between two reads of a mailbox, bucket or folder."""
MAX_SECONDS = 24 * 3600.0


def poll_problems(path: str, interval: str) -> Iterator[Problem]:
    """That an interval would burden the source, or amounts to never."""
    if not MIN_SECONDS <= parse_duration(interval) <= MAX_SECONDS:
        yield Problem(f"{path}.pollInterval", f"is {interval}; use 5s to 24h, such as 30s or 5m")
