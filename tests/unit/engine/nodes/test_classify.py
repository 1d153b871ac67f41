"""The state of a node that has started: one rule after the other, in their order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.engine.nodes.assessment import Facts, NodeState, Stop
from orchestrator.engine.nodes.classify import LOST_ATTEMPT_TIMEOUT, classify
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.status.records import Cancelling, Record
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import Reason
from tests.builders import action, graph

NOW = 1_800_000_000.0
GRAPH = graph(
    action("plain", timeout="60s", startTimeout="20s", retry={"limit": 1}),
    action("each", forEach={"values": "[1, 2]", "as": "it"}, retry={"limit": 1}),
    {"name": "child", "workflow": {"name": "other"}, "timeout": "60s"},
    {"name": "delay", "delay": "10s"},
    {"name": "approval", "approval": {"approvers": ["user:ana"]}},
    {"name": "wait", "wait": {"signal": "go"}},
)
PENDING = Record(NodePhase.PENDING, Reason.STARTING, attempts=1, started_at=NOW)
RUNNING = replace(PENDING, phase=NodePhase.RUNNING, job="j")
BACKOFF = replace(PENDING, phase=NodePhase.WAITING, reason=Reason.BACKOFF, retry_at=NOW + 5)
HELD_UP = replace(PENDING, reason=Reason.QUOTA_EXCEEDED, message="no room")
WAITING = Record(NodePhase.WAITING, started_at=NOW)
STOPPED = Cancelling(NOW, Reason.CANCEL_REQUESTED, "the execution was cancelled")
FAILURE = Cancelling(NOW, Reason.FAILURE_STOPPED, "a failed")
WORKS = Attempt(AttemptState.RUNNING, made_at=NOW, job="j")
FAILED = Attempt(AttemptState.FAILED, message="exit code 1", finished_at=NOW + 1, job="j")
LOST = replace(FAILED, reason=Reason.OUTPUTS_LOST, message="its pod is gone", permanent=True)
SUCCEEDED = Attempt(AttemptState.SUCCEEDED, finished_at=NOW + 1, job="j")


def facts(node: str, record: Record, attempt: Attempt | None = None, **changes: Any) -> Facts:
    told = Facts(
        GRAPH.nodes[node],
        record,
        attempt,
        cause=None,
        terminated=False,
        paused=False,
        followed=False,
        run="uid",
        now=NOW,
    )
    return replace(told, **changes)


STATES: dict[NodeState, list[Facts]] = {
    NodeState.AWAITING: [facts("approval", WAITING), facts("wait", WAITING, paused=True)],
    NodeState.DELAYED: [facts("delay", WAITING, paused=True)],
    NodeState.DELAY_OVER: [facts("delay", WAITING, now=NOW + 10)],
    NodeState.BACKING_OFF: [facts("plain", BACKOFF)],
    NodeState.RETRY_DUE: [facts("plain", BACKOFF, now=NOW + 5)],
    NodeState.WITHHELD: [
        facts("plain", BACKOFF, paused=True, now=NOW + 5),
        facts("plain", PENDING, paused=True),
        facts("plain", HELD_UP, paused=True),
    ],
    NodeState.MISSING: [facts("plain", PENDING), facts("child", HELD_UP, cause=None)],
    NodeState.UNOBSERVED: [facts("plain", replace(PENDING, job="j"), paused=True)],
    NodeState.IN_PROGRESS: [
        facts("plain", RUNNING, WORKS, paused=True),
        facts("plain", RUNNING, WORKS, cause=FAILURE),
        facts("child", PENDING, replace(WORKS, job="", execution="e")),
    ],
    NodeState.OVERDUE: [
        facts("child", PENDING, replace(WORKS, job="", execution="e"), now=NOW + 60)
    ],
    NodeState.STOPPING: [facts("plain", RUNNING, WORKS, cause=STOPPED)],
    NodeState.RETRYABLE: [
        facts("plain", RUNNING, FAILED),
        facts("plain", HELD_UP, now=NOW + 20),
    ],
    NodeState.SUCCEEDED: [
        facts("plain", RUNNING, SUCCEEDED),
        facts("plain", RUNNING, SUCCEEDED, cause=STOPPED, paused=True),
    ],
    NodeState.OUTPUTS_LOST: [facts("plain", RUNNING, LOST, followed=True)],
    NodeState.FAILED: [
        facts("plain", replace(RUNNING, attempts=2), FAILED),
        facts("plain", RUNNING, FAILED, cause=FAILURE),
        facts("plain", RUNNING, LOST),
        facts("each", RUNNING, FAILED),
    ],
    NodeState.TIMED_OUT: [
        facts("plain", replace(RUNNING, attempts=2), replace(FAILED, state=AttemptState.TIMED_OUT)),
        facts("plain", RUNNING, WORKS, now=NOW + 3600),
    ],
    NodeState.CANCELLED: [
        facts("approval", WAITING, cause=FAILURE),
        facts("plain", BACKOFF, cause=FAILURE, paused=True),
        facts("plain", RUNNING, FAILED, cause=STOPPED),
        facts("plain", PENDING, cause=FAILURE),
        facts("plain", RUNNING, WORKS, cause=STOPPED, now=NOW + 100),
    ],
}


def test_there_are_facts_for_every_state() -> None:
    assert STATES.keys() == set(NodeState)


@pytest.mark.parametrize(
    ("told", "state"), [(told, state) for state, many in STATES.items() for told in many]
)
def test_the_first_rule_that_applies_gives_the_state(told: Facts, state: NodeState) -> None:
    assert classify(told).state is state


def test_an_attempt_that_failed_is_repeated_after_its_backoff() -> None:
    found = classify(facts("plain", RUNNING, FAILED))
    assert found.reason == Reason.BACKOFF
    assert found.message == "attempt 1 of 2: exit code 1"
    assert found.due is not None
    assert NOW + 1 < found.due <= NOW + 1 + 2


def test_an_iteration_has_the_attempts_of_its_own() -> None:
    second = replace(RUNNING, attempts=3, iteration=1, iteration_attempts=2)
    assert classify(facts("plain", second, FAILED)).message == "attempt 1 of 2: exit code 1"


def test_the_cancellation_is_why_a_stopped_attempt_ended() -> None:
    found = classify(facts("plain", RUNNING, FAILED, cause=STOPPED))
    assert (found.reason, found.message) == (STOPPED.reason, STOPPED.message)
    assert found.end == FAILED


@pytest.mark.parametrize(
    ("after", "terminated", "stop", "due"),
    [
        (0.0, False, Stop.GENTLY, 60.0),
        (59.0, False, Stop.GENTLY, 60.0),
        (60.0, False, Stop.BY_FORCE, 60.0 + LOST_ATTEMPT_TIMEOUT),
        (0.0, True, Stop.BY_FORCE, 60.0 + LOST_ATTEMPT_TIMEOUT),
        (60.0 + LOST_ATTEMPT_TIMEOUT, False, Stop.BY_FORCE, None),
    ],
)
def test_a_job_is_stopped_gently_then_by_force_then_given_up(
    after: float, terminated: bool, stop: Stop, due: float | None
) -> None:
    told = facts("plain", RUNNING, WORKS, cause=STOPPED, terminated=terminated, now=NOW + after)
    found = classify(told)
    assert found.stop is stop
    assert found.due == (None if due is None else NOW + due)
    assert found.state is (NodeState.CANCELLED if due is None else NodeState.STOPPING)


def test_what_has_not_started_in_time_is_given_up_and_its_job_stopped() -> None:
    created = replace(WORKS, state=AttemptState.PENDING)
    told = facts("plain", PENDING, created, now=NOW + 20)
    assert classify(replace(told, now=NOW + 19)).state is NodeState.IN_PROGRESS
    found = classify(told)
    assert found.state is NodeState.RETRYABLE
    assert found.message == "attempt 1 of 2: did not start within 20s"
    assert found.stop is Stop.GENTLY


def test_what_held_an_attempt_up_is_why_it_did_not_start() -> None:
    told = facts("plain", replace(HELD_UP, attempts=2), now=NOW + 20)
    found = classify(told)
    assert found.state is NodeState.FAILED
    assert found.reason == Reason.QUOTA_EXCEEDED
    assert found.message == "no room (did not start within 20s)"
    assert found.stop is None


def test_a_job_decided_long_ago_and_never_created_begins_its_time_now() -> None:
    late = NOW + LOST_ATTEMPT_TIMEOUT + 1
    assert classify(facts("plain", PENDING, now=late)).record.attempt_started_at == late
    on_time = classify(facts("plain", PENDING, now=late - 1))
    assert on_time.record.attempt_started_at is None


def test_the_time_of_what_is_held_up_goes_on() -> None:
    told = facts("child", HELD_UP, now=NOW + LOST_ATTEMPT_TIMEOUT + 1)
    assert classify(told).record == HELD_UP


def test_a_pause_does_not_end_the_time_to_start_in() -> None:
    found = classify(facts("plain", HELD_UP, paused=True))
    assert found.due == NOW + 20
    assert classify(facts("plain", PENDING, paused=True)).due is None


def test_a_silent_attempt_is_lost_past_all_deadlines() -> None:
    deadline = 2 * 60 + 2 * 30 + LOST_ATTEMPT_TIMEOUT
    told = facts("plain", replace(RUNNING, message="m"), WORKS)
    assert classify(told).due == NOW + deadline
    found = classify(replace(told, now=NOW + deadline))
    assert found.state is NodeState.TIMED_OUT
    assert found.stop is Stop.BY_FORCE
    assert found.end is None


def test_a_running_node_does_not_become_pending_before_the_end_of_its_pod_is_seen() -> None:
    told = facts("plain", RUNNING, replace(WORKS, state=AttemptState.PENDING))
    assert classify(told).record is RUNNING


def test_an_overdue_sub_execution_is_cancelled_and_its_end_awaited() -> None:
    child = Attempt(AttemptState.RUNNING, made_at=NOW, execution="e")
    found = classify(facts("child", PENDING, child, now=NOW + 60))
    assert (found.state, found.stop, found.due) == (NodeState.OVERDUE, Stop.GENTLY, None)
    assert found.record.execution == "e"


def test_a_sub_execution_cancelled_for_its_time_has_timed_out() -> None:
    end = Attempt(
        AttemptState.FAILED,
        Reason.SUB_WORKFLOW_CANCELLED,
        finished_at=NOW + 60,
        permanent=True,
        execution="e",
    )
    assert classify(facts("child", PENDING, end)).state is NodeState.TIMED_OUT
    early = replace(end, finished_at=NOW + 59)
    assert classify(facts("child", PENDING, early)).state is NodeState.FAILED
