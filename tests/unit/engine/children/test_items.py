"""The state of a fan-out over a sub-workflow, by how its items ended and the clock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.children.items import FanOutState, begun, classify_fan_out
from orchestrator.engine.nodes.assessment import Facts
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.ranges import parse_ranges
from orchestrator.engine.status.records import Cancelling, Record
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import Reason
from tests.builders import graph

NOW = 1_800_000_000.0
EACH = {"values": "[1, 2, 3]", "as": "it", "maxFailed": 1, "timeout": "100s"}
NODE = graph(
    {"name": "fan", "workflow": {"name": "other"}, "forEach": EACH, "startTimeout": "20s"}
).nodes["fan"]
BEGUN = Record(NodePhase.PENDING, Reason.STARTING, attempts=1, started_at=NOW, items=3)
WORKS = Attempt(AttemptState.RUNNING, started_at=NOW, execution="e")
DONE = replace(WORKS, state=AttemptState.SUCCEEDED)
FAILED = replace(WORKS, state=AttemptState.FAILED, message="no")
HELD_UP = Attempt(AttemptState.PENDING, Reason.QUOTA_EXCEEDED, "no room", started_at=NOW)
STOPPED = Cancelling(NOW, Reason.CANCEL_REQUESTED, "the execution was cancelled")
FAILURE = Cancelling(NOW, Reason.FAILURE_STOPPED, "a failed")


def facts(*children: Attempt, record: Record = BEGUN, **changes: Any) -> Facts:
    attempt = Attempt(AttemptState.RUNNING, children=dict(enumerate(children)))
    told = Facts(
        NODE,
        record,
        attempt if children else None,
        cause=None,
        terminated=False,
        paused=False,
        followed=False,
        run="uid",
        now=NOW,
    )
    return replace(told, **changes)


@pytest.mark.parametrize(
    ("told", "state"),
    [
        (facts(), FanOutState.IN_PROGRESS),
        (facts(WORKS, DONE, FAILED), FanOutState.IN_PROGRESS),
        (facts(WORKS, paused=True), FanOutState.WITHHELD),
        (facts(WORKS, cause=FAILURE), FanOutState.WITHHELD),
        (facts(WORKS, cause=STOPPED), FanOutState.STOPPING),
        (facts(WORKS, FAILED, FAILED), FanOutState.STOPPING),
        (facts(WORKS, now=NOW + 100), FanOutState.STOPPING),
        (facts(DONE, DONE, FAILED), FanOutState.SUCCEEDED),
        (facts(DONE, DONE, FAILED, cause=STOPPED), FanOutState.SUCCEEDED),
        (facts(FAILED, FAILED), FanOutState.FAILED),
        (facts(FAILED, FAILED, cause=FAILURE), FanOutState.FAILED),
        (facts(FAILED, FAILED, cause=STOPPED), FanOutState.CANCELLED),
        (facts(DONE, HELD_UP, cause=FAILURE), FanOutState.CANCELLED),
        (facts(DONE, now=NOW + 100), FanOutState.TIMED_OUT),
    ],
)
def test_the_state(told: Facts, state: FanOutState) -> None:
    assert classify_fan_out(told).state is state


def test_ends_on_record_count_with_those_observed() -> None:
    record = replace(BEGUN, phase=NodePhase.RUNNING, completed="0", failed="2", message="item 2: x")
    found = classify_fan_out(facts(record=record, attempt=Attempt(AttemptState.RUNNING)))
    assert (found.record.completed, found.record.failed) == ("0", "2")
    assert found.record.message == "item 2: x"


def test_the_message_is_that_of_the_first_failed_item() -> None:
    assert classify_fan_out(facts(WORKS, FAILED)).record.message == "item 1: no"
    ended = classify_fan_out(facts(FAILED, FAILED, DONE)).record
    assert ended.message == "2 of 3 items failed, 1 may; item 0: no"
    assert ended.reason == Reason.ITEMS_FAILED


def test_a_fan_out_of_which_nothing_can_begin_says_why() -> None:
    waiting = classify_fan_out(facts(HELD_UP)).record
    assert (waiting.phase, waiting.reason) == (NodePhase.PENDING, Reason.QUOTA_EXCEEDED)
    assert waiting.message == "no room"
    record = classify_fan_out(facts(DONE, HELD_UP)).record
    assert (record.phase, record.reason) == (NodePhase.RUNNING, Reason.SUB_WORKFLOW_CREATED)
    assert record.message == "1 of 3 items; the next one waits: no room"


def test_items_held_up_for_the_start_timeout_fail_for_what_held_them_up() -> None:
    waiting = facts(HELD_UP, HELD_UP, record=replace(BEGUN, reason=Reason.QUOTA_EXCEEDED))
    assert classify_fan_out(waiting).due == NOW + 20
    found = classify_fan_out(replace(waiting, now=NOW + 20))
    assert found.state is FanOutState.FAILED
    assert found.record.reason == Reason.QUOTA_EXCEEDED


def test_under_a_pause_the_record_alone_says_what_is_held_up() -> None:
    record = replace(BEGUN, reason=Reason.QUOTA_EXCEEDED, message="no room")
    found = classify_fan_out(facts(record=record, paused=True))
    assert (found.state, found.due) == (FanOutState.WITHHELD, NOW + 20)
    assert found.record.reason == Reason.QUOTA_EXCEEDED


children = st.lists(st.sampled_from([WORKS, DONE, FAILED, HELD_UP]), max_size=3)
causes = st.sampled_from([None, STOPPED, FAILURE])


@given(children, causes, st.booleans(), st.sampled_from([0.0, 10.0, 20.0, 100.0]))
def test_every_observed_end_is_counted_once_and_nothing_ends_while_an_item_runs(
    children: list[Attempt], cause: Cancelling | None, paused: bool, after: float
) -> None:
    found = classify_fan_out(facts(*children, cause=cause, paused=paused, now=NOW + after))
    done, failed = parse_ranges(found.record.completed), parse_ranges(found.record.failed)
    assert done == {index for index, child in enumerate(children) if child is DONE}
    assert done.isdisjoint(failed)
    assert {index for index, child in enumerate(children) if child is FAILED} <= failed
    over = found.state.value in {phase.value for phase in NodePhase if phase.terminal}
    if WORKS in children:
        assert not over
    if len(done | failed) == 3:
        assert over


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 50))
def test_as_many_items_are_active_as_may_be(items: int, ended: int, parallelism: int) -> None:
    ended = min(items, ended)
    assert begun(items, ended, parallelism) - ended == min(items - ended, parallelism)
