"""What was created, what was refused for good, and what is tried again."""

from __future__ import annotations

from orchestrator.controller.executions.state.child_names import AttemptKey
from orchestrator.controller.executions.state.creations import CACHE_LAG, Creations
from orchestrator.controller.executions.state.holdups import MAX_RETRY
from orchestrator.engine.observed import Attempt, AttemptState

KEY, ITEM = AttemptKey("a", 1), AttemptKey("a", 1, 3)
HELD_UP = Attempt(AttemptState.PENDING, "QuotaExceeded", "used up")
REFUSED = Attempt(AttemptState.FAILED, "JobRefused", "no")


def test_what_was_just_created_may_be_missing_in_the_caches() -> None:
    creations = Creations()
    creations.add("job", 100.0)
    assert "job" in creations
    assert creations.is_recent("job", 100.0)
    assert not creations.is_recent("job", 100.0 + CACHE_LAG)
    assert not creations.is_recent("job", 99.0)  # the clock was set back
    assert not creations.is_recent("another", 100.0)


def test_a_creation_that_is_held_up_is_tried_again_with_a_backoff() -> None:
    creations, now, delays = Creations(), 0.0, []
    for _ in range(6):
        assert creations.may_create(KEY, now)
        creations.settle(KEY, HELD_UP, now)
        hold_up = creations.hold_up(KEY)
        assert hold_up is not None
        assert not creations.may_create(KEY, hold_up.retry_at - 0.1)
        delays.append(hold_up.retry_at - now)
        now = hold_up.retry_at
        assert hold_up.since == 0.0
    assert delays == [2.0, 4.0, 8.0, 16.0, MAX_RETRY, MAX_RETRY]
    creations.settle(KEY, None, now)
    assert creations.hold_up(KEY) is None


def test_what_was_refused_for_good_is_not_created_again() -> None:
    creations = Creations()
    creations.settle(KEY, REFUSED, 0.0)
    creations.settle(ITEM, REFUSED, 0.0)
    assert not creations.may_create(KEY, 1000.0)
    assert creations.refusal(ITEM) == REFUSED
    assert creations.refusals() == {("a", 1): REFUSED}  # an item is observed with its fan-out


def test_a_job_of_the_same_name_with_another_uid_is_not_ours() -> None:
    creations = Creations()
    assert creations.is_own_job("job", "first")
    assert creations.is_own_job("job", "first")
    assert not creations.is_own_job("job", "second")
    assert creations.job_uid("job") == "first"
