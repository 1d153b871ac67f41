"""rateLimit: how many executions wait for their slots, and when events are limited."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.models.labels import EVENT, NOT_BEFORE
from orchestrator.models.trigger import TriggerSpec
from orchestrator.triggers.limits import CreatedExecution, Listed, start_of
from orchestrator.triggers.registry import REGISTRY
from orchestrator.triggers.sources import Event

NOW = 1_000_000.0


def spec_with(**limit: Any) -> TriggerSpec:
    given = {"rateLimit": limit} if limit else {}
    spec: TriggerSpec = REGISTRY.spec.model_validate({"workflow": "w", "execution": {}, **given})
    return spec


def flood(spec: TriggerSpec, count: int, now: float = NOW) -> list[CreatedExecution]:
    """The executions that as many events at once start."""
    made: list[CreatedExecution] = []
    for number in range(count):
        at = start_of(spec, Event("t", str(number), {}, now), Listed(made), now)
        if at is not None:
            labels = {EVENT: str(number)} | ({NOT_BEFORE: f"{at:.0f}"} if at > now else {})
            made.append(CreatedExecution(now, labels, str(number)))
    return made


def waiting(made: list[CreatedExecution]) -> int:
    return sum(NOT_BEFORE in each.labels for each in made)


def next_start(spec: TriggerSpec, made: list[CreatedExecution], now: float) -> float | None:
    return start_of(spec, Event("t", "next", {}, now), Listed(made), now)


@pytest.mark.parametrize("limit", [{}, {"limit": 60, "period": "1m"}], ids=["default", "explicit"])
def test_at_most_500_executions_wait_and_later_events_are_limited(limit: dict[str, Any]) -> None:
    made = flood(spec_with(**limit), 700)
    assert (len(made), waiting(made)) == (560, 500)


def test_a_limit_above_500_lets_as_many_wait() -> None:
    made = flood(spec_with(limit=600, period="1h"), 1300)
    assert (len(made), waiting(made)) == (1200, 600)


def test_with_newest_at_most_500_are_replaced_within_a_period() -> None:
    made = flood(spec_with(limit=1, period="1h", policy="Newest"), 600)
    assert (len(made), waiting(made)) == (501, 500)


def test_once_the_first_slots_are_due_as_many_events_wait_again() -> None:
    spec = spec_with()
    made = flood(spec, 700)
    assert next_start(spec, made, NOW + 59) is None
    assert next_start(spec, made, NOW + 60) == NOW + 9 * 60


def test_executions_whose_creation_time_is_ahead_of_the_clock_do_not_wait() -> None:
    spec = spec_with(limit=1000, period="1h")
    ahead = [CreatedExecution(NOW + 2, {EVENT: str(number)}, str(number)) for number in range(1000)]
    assert next_start(spec, ahead, NOW) == NOW + 3602


def test_with_newest_what_is_about_to_start_counts_as_started() -> None:
    """Its slot may come while the newer one is created: both would run."""
    spec = spec_with(limit=1, period="1m", policy="Newest")
    started = CreatedExecution(NOW - 58, {})
    slot = CreatedExecution(NOW - 30, {NOT_BEFORE: f"{NOW + 2:.0f}"})
    assert next_start(spec, [started, slot], NOW - 20) == NOW + 2, "it takes the slot"
    assert next_start(spec, [started, slot], NOW) == NOW + 62, "it waits for the next one"
