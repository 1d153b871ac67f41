"""A sub-execution as the attempt of its parent's node."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine.children.sub_execution import MAX_DEPTH, child_attempt, child_depth, late
from orchestrator.engine.observed import AttemptState
from orchestrator.engine.status.records import Record
from orchestrator.engine.times import from_rfc3339
from orchestrator.models.execution import ExecutionPhase, NodePhase
from orchestrator.models.reasons import Reason
from tests.builders import graph
from tests.engine import run_of

CREATED = "2027-01-15T08:00:00Z"
ENDED = "2027-01-15T08:01:00Z"
NODE = graph({"name": "sub", "workflow": {"name": "other"}, "timeout": "60s"}).nodes["sub"]


def child(phase: str | None, **status: Any) -> dict[str, Any]:
    metadata = {"name": "e", "creationTimestamp": CREATED}
    return {"metadata": metadata, "status": {"phase": phase, **status} if phase else None}


@pytest.mark.parametrize(
    ("phase", "state", "message"),
    [
        (None, AttemptState.PENDING, "Pending"),
        ("Pending", AttemptState.PENDING, "Pending (Why: because)"),
        ("Queued", AttemptState.PENDING, "Queued (Why: because)"),
        ("Running", AttemptState.RUNNING, ""),
        ("Paused", AttemptState.RUNNING, "Paused (Why: because)"),
    ],
)
def test_one_that_goes_on_began_with_its_creation(
    phase: str | None, state: AttemptState, message: str
) -> None:
    attempt = child_attempt(child(phase, reason="Why", message="because"))
    assert (attempt.state, attempt.message) == (state, message)
    assert attempt.reason == Reason.SUB_WORKFLOW_CREATED
    assert attempt.made_at == from_rfc3339(CREATED)
    assert attempt.execution == "e"


@pytest.mark.parametrize(
    ("phase", "state", "reason"),
    [
        ("Failed", AttemptState.FAILED, Reason.SUB_WORKFLOW_FAILED),
        ("TimedOut", AttemptState.TIMED_OUT, Reason.TIMED_OUT),
        ("Cancelled", AttemptState.FAILED, Reason.SUB_WORKFLOW_CANCELLED),
    ],
)
def test_one_that_ended_badly_gives_no_outputs_and_says_why(
    phase: str, state: AttemptState, reason: str
) -> None:
    raw = child(phase, reason="Why", message="because", finishedAt=ENDED, outputs={"x": 1})
    attempt = child_attempt(raw)
    assert (attempt.state, attempt.reason, attempt.outputs) == (state, reason, {})
    assert attempt.message == f"e: {phase} (Why: because)"
    assert attempt.finished_at == from_rfc3339(ENDED)


def test_one_that_succeeded_hands_on_its_outputs() -> None:
    attempt = child_attempt(child("Succeeded", finishedAt=ENDED, outputs={"x": 1}))
    assert (attempt.state, attempt.message) == (AttemptState.SUCCEEDED, "")
    assert attempt.outputs == {"x": 1}


def test_only_one_that_was_cancelled_on_purpose_is_not_tried_again() -> None:
    assert child_attempt(child("Cancelled", reason="CancelRequested")).permanent
    assert not child_attempt(child("Cancelled", reason="ConcurrencyForbidden")).permanent
    assert not child_attempt(child("Failed", reason="NodeFailed")).permanent


def test_there_is_an_attempt_for_every_phase() -> None:
    for phase in ExecutionPhase:
        assert child_attempt(child(phase.value)).execution == "e"


@pytest.mark.parametrize(("after", "state"), [(59.0, "Failed"), (60.0, "TimedOut")])
def test_one_cancelled_for_its_time_has_timed_out_and_may_be_tried_again(
    after: float, state: str
) -> None:
    record = Record(NodePhase.RUNNING, attempts=1, started_at=from_rfc3339(CREATED))
    finished = {"finishedAt": ENDED} if after == 60.0 else {"finishedAt": "2027-01-15T08:00:59Z"}
    attempt = child_attempt(child("Cancelled", reason="CancelRequested", **finished))
    judged = late(NODE, record, attempt)
    assert judged.state.value == state
    assert judged.permanent is (state == "Failed")


def test_depth_is_counted_from_the_root() -> None:
    assert child_depth(run_of()) == 1
    parent = {"name": "p", "uid": "u", "node": "n", "depth": 3}
    assert child_depth(run_of(parent=parent)) == 4 <= MAX_DEPTH
