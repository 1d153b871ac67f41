"""Whether an attempt is repeated, and when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.graph import RetryRules
from orchestrator.engine.nodes.retry import (
    JITTER,
    backoff,
    disruption_matters,
    may_retry,
    retry_reason,
)
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import RetryReason

FAILED = Attempt(AttemptState.FAILED, "Failed")
DISRUPTED = Attempt(AttemptState.FAILED, Reason.DISRUPTED)
TIMED_OUT = Attempt(AttemptState.TIMED_OUT)
PERMANENT = Attempt(AttemptState.FAILED, permanent=True)
ENDS = {
    RetryReason.FAILED: FAILED,
    RetryReason.DISRUPTED: DISRUPTED,
    RetryReason.TIMED_OUT: TIMED_OUT,
}
reasons = st.frozensets(st.sampled_from(list(RetryReason)))
limits = st.integers(0, 5)


def rules(limit: int = 1, of: frozenset[RetryReason] = frozenset(RetryReason)) -> RetryRules:
    return RetryRules(limit, of, initial=2.0, factor=2.0, maximum=300.0)


@pytest.mark.parametrize(("reason", "end"), ENDS.items())
def test_an_end_in_the_words_of_retry_reasons(reason: RetryReason, end: Attempt) -> None:
    assert retry_reason(end) is reason


@given(limits, reasons, st.sampled_from(list(RetryReason)), st.integers(1, 8))
def test_a_listed_end_is_repeated_up_to_the_limit(
    limit: int, of: frozenset[RetryReason], reason: RetryReason, attempts: int
) -> None:
    assert may_retry(rules(limit, of), attempts, ENDS[reason]) is (
        reason in of and attempts <= limit
    )


def test_a_permanent_end_is_never_repeated() -> None:
    assert not may_retry(rules(5), 1, PERMANENT)


@given(limits, reasons)
def test_a_disruption_matters_where_it_alone_decides(
    limit: int, of: frozenset[RetryReason]
) -> None:
    repeated = {may_retry(rules(limit, of), 1, end) for end in (FAILED, DISRUPTED)}
    assert disruption_matters(rules(limit, of)) is (len(repeated) == 2)


@given(st.floats(0.1, 60), st.floats(1, 10), st.floats(0.1, 600), st.integers(1, 2000), st.text())
def test_a_wait_grows_to_its_maximum_and_is_shortened_by_a_quarter_at_most(
    initial: float, factor: float, maximum: float, attempts: int, identity: str
) -> None:
    given = RetryRules(5, frozenset(RetryReason), initial, factor, maximum)
    full = min(initial * factor ** min(attempts - 1, 64), maximum)
    wait = backoff(given, attempts, identity)
    assert (1 - JITTER) * full <= wait <= full
    assert wait == backoff(given, attempts, identity)


def test_executions_do_not_retry_in_step() -> None:
    waits = {backoff(rules(), 1, f"uid-{number}/a") for number in range(100)}
    assert len(waits) > 90
