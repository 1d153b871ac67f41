"""Whether an attempt is repeated, and when; asked by `classify`.

Of a fan-out, Kubernetes retries the single items (`jobs.fanout`).
"""

from __future__ import annotations

import hashlib

from orchestrator.engine.graph import RetryRules
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import RetryReason

JITTER = 0.25
"""A wait is shortened by up to this part, so that many executions do not retry in step."""


def retry_reason(attempt: Attempt) -> RetryReason:
    """The end of an attempt in the words of `retry.reasons`."""
    if attempt.state is AttemptState.TIMED_OUT:
        return RetryReason.TIMED_OUT
    return RetryReason.DISRUPTED if attempt.reason == Reason.DISRUPTED else RetryReason.FAILED


def may_retry(rules: RetryRules, attempts: int, attempt: Attempt) -> bool:
    """Whether another attempt follows the `attempts`-th (counted from 1), which ended badly."""
    return (
        not attempt.permanent and attempts <= rules.limit and retry_reason(attempt) in rules.reasons
    )


def disruption_matters(rules: RetryRules) -> bool:
    """Whether another attempt depends on what a failure is: the action's own, or a disruption."""
    listed = {RetryReason.FAILED, RetryReason.DISRUPTED} & set(rules.reasons)
    return rules.limit > 0 and len(listed) == 1


def backoff(rules: RetryRules, attempts: int, identity: str) -> float:
    """Seconds between the end of the `attempts`-th attempt and the next.

    The jitter is drawn from the identity (execution uid, node and attempt), never at random: the
    same decision made again, by whoever makes it, gives the same moment.
    """
    growth = rules.factor ** min(attempts - 1, 64)
    wait = min(rules.initial * growth, rules.maximum)
    digest = hashlib.blake2b(f"{identity}/{attempts}".encode(), digest_size=8).digest()
    return wait * (1 - JITTER * int.from_bytes(digest) / 2**64)
