"""The rate of each caller, the number of requests, and the depth of bodies."""

from __future__ import annotations

import pytest

from orchestrator.api.limits import MAX_KNOWN, Rates, Slots, TooManyError, is_deeper


def test_a_caller_may_burst_and_then_has_the_rate() -> None:
    now = 0.0
    rates = Rates(2.0, 3, lambda: now)
    for _ in range(3):
        rates.take("ana")
    with pytest.raises(TooManyError) as caught:
        rates.take("ana")
    assert caught.value.wait == pytest.approx(0.5)
    rates.take("bob")  # whose requests are counted on their own
    now = 0.5
    rates.take("ana")
    with pytest.raises(TooManyError):
        rates.take("ana")


def test_refused_requests_do_not_postpone_the_next_one() -> None:
    now = 0.0
    rates = Rates(1.0, 1, lambda: now)
    rates.take("ana")
    for _ in range(50):
        now += 0.01
        with pytest.raises(TooManyError):
            rates.take("ana")
    now = 1.01
    rates.take("ana")


def test_any_number_of_callers_takes_bounded_memory() -> None:
    rates = Rates(1.0, 1, lambda: 0.0)
    for index in range(MAX_KNOWN + 10):
        rates.take(str(index))
    assert len(rates._buckets) == MAX_KNOWN


def test_a_slot_is_free_again_after_an_error() -> None:
    slots = Slots(1, "streams")
    with pytest.raises(ValueError, match="x"), slots.one():
        raise ValueError("x")
    with slots.one(), pytest.raises(TooManyError, match="too many streams"), slots.one():
        pass


def test_depth_counts_objects_and_lists() -> None:
    assert not is_deeper({"a": [{"b": 1}]}, 3)
    assert is_deeper({"a": [{"b": []}]}, 3)
    assert not is_deeper("text", 0)
