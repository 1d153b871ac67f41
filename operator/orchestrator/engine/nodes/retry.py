"""Whether and when an attempt is repeated; used by `classify`.

For a fan-out, Kubernetes retries the single items (`jobs.fan_out`).
"""

from __future__ import annotations

import hashlib

from orchestrator.engine.graph import RetryRules
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import RetryReason

JITTER = 0.25
"""Maximum jitter as a part of the backoff, so that many executions do not retry in step."""


def retry_reason(attempt: Attempt) -> RetryReason:
    """The end of an attempt as a value of `retry.reasons`."""
    if attempt.state is AttemptState.TIMED_OUT:
        return RetryReason.TIMED_OUT
    return RetryReason.DISRUPTED if attempt.reason == Reason.DISRUPTED else RetryReason.FAILED


def may_retry(rules: RetryRules, attempts: int, attempt: Attempt) -> bool:
    """Whether another attempt follows attempt number `attempts` (from 1), which did not succeed."""
    return (
        not attempt.permanent and attempts <= rules.limit and retry_reason(attempt) in rules.reasons
    )


def disruption_matters(rules: RetryRules) -> bool:
    """Whether a retry depends on the kind of failure: the action's own, or a disruption."""
    listed = {RetryReason.FAILED, RetryReason.DISRUPTED} & set(rules.reasons)
    return rules.limit > 0 and len(listed) == 1


def backoff(rules: RetryRules, attempts: int, identity: str) -> float:
    """Seconds between the end of attempt number `attempts` and the next.

    The jitter is derived from the identity (execution uid, node and attempt), not random: every
    process computes the same time.
    """
    growth = rules.factor ** min(attempts - 1, 64)
    wait = min(rules.initial * growth, rules.maximum)
    digest = hashlib.blake2b(f"{identity}/{attempts}".encode(), digest_size=8).digest()
    return wait * (1 - JITTER * int.from_bytes(digest) / 2**64)
