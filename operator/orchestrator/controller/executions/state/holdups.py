"""Attempts whose Job or sub-execution cannot be created now: a quota is exhausted, or a
service account is missing.

They are Pending with the cause, and the creation is retried with a backoff until it succeeds or the
engine gives the attempt up.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.engine.observed import Attempt

FIRST_RETRY, MAX_RETRY = 2.0, 30.0
"""Seconds between two creations, at first and at most."""


@dataclass(frozen=True, slots=True)
class HoldUp:
    """Why an attempt's Job or sub-execution could not be created, and when that is retried."""

    attempt: Attempt
    since: float
    """When its creation was first refused, as far as this process knows."""
    retry_at: float
    delay: float


def following(before: HoldUp | None, attempt: Attempt, now: float) -> HoldUp:
    """The hold-up after another refusal."""
    delay = FIRST_RETRY if before is None else min(2 * before.delay, MAX_RETRY)
    since = now if before is None else before.since
    return HoldUp(attempt, since, now + delay, delay)
