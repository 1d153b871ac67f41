"""A repeat: after each success the node is asked whether that was enough."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.engine.decisions import CreateJob, Pass
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.status.records import Cancelling, Record
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import Reason
from tests.builders import action, graph
from tests.engine import NOW, decide

UNTIL = "nodes.a.outputs.value > 2"
RUNNING = Record(NodePhase.RUNNING, attempts=1, started_at=NOW, job="j")


def after(value: int, record: Record = RUNNING, until: str = UNTIL, **fields: Any) -> Pass:
    """The pass in which an iteration has succeeded with this output."""
    node = action("a", repeat={"until": until, "limit": 3, "delay": "5s"}, retry={"limit": 1})
    end = Attempt(AttemptState.SUCCEEDED, finished_at=NOW, outputs={"value": value}, job="j")
    observed = {("a", record.attempts): end}
    return decide(graph(node), {"a": record}, observed, scan=False, **fields)


def test_it_ends_with_the_iteration_in_which_until_holds() -> None:
    done = after(3).records["a"]
    assert (done.phase, done.outputs) == (NodePhase.SUCCEEDED, {"value": 3})


def test_it_waits_for_its_next_iteration_after_the_delay() -> None:
    decided = after(1)
    waiting = decided.records["a"]
    assert (waiting.phase, waiting.reason) == (NodePhase.WAITING, Reason.REPEATING)
    assert (waiting.iteration, waiting.iteration_attempts) == (1, 1)
    assert (waiting.retry_at, waiting.finished_at, waiting.outputs) == (NOW + 5, None, {})
    assert decided.wake_at == NOW + 5
    assert decided.urgent  # until rests on an expression, which is stored first


def test_the_next_iteration_has_attempts_of_its_own() -> None:
    waiting = replace(RUNNING, phase=NodePhase.WAITING, retry_at=NOW, iteration=1)
    waiting = replace(waiting, attempts=2, iteration_attempts=2)
    node = action("a", repeat={"until": UNTIL, "limit": 3, "delay": "5s"}, retry={"limit": 1})
    decided = decide(graph(node), {"a": waiting}, scan=False)
    assert decided.after == (CreateJob("a", 3, {}, 1),)
    failed = Attempt(AttemptState.FAILED, message="no", finished_at=NOW, job="j")
    second = replace(decided.records["a"], job="j")
    retried = decide(graph(node), {"a": second}, {("a", 3): failed}, scan=False)
    assert retried.records["a"].message == "attempt 1 of 2: no"


def test_it_fails_at_its_limit() -> None:
    failed = after(1, replace(RUNNING, iteration=2)).records["a"]
    assert (failed.phase, failed.reason) == (NodePhase.FAILED, Reason.REPEAT_LIMIT)
    assert failed.message == f"{UNTIL} did not hold after 3 iterations"
    assert after(3, replace(RUNNING, iteration=2)).records["a"].phase is NodePhase.SUCCEEDED


@pytest.mark.parametrize("until", ["nodes.a.outputs.none > 1", "'text'"])
def test_an_until_that_cannot_be_computed_fails_it_with_its_path(until: str) -> None:
    failed = after(1, until=until).records["a"]
    assert failed.phase is NodePhase.FAILED
    assert failed.message.startswith("spec.nodes[0].repeat.until: ")


@pytest.mark.parametrize("value", [1, 3])
def test_a_cancelled_execution_begins_no_further_iteration(value: int) -> None:
    cause = Cancelling(NOW, Reason.FAILURE_STOPPED, "b failed")
    record = after(value, cancelling=cause).records["a"]
    expected = NodePhase.SUCCEEDED if value > 2 else NodePhase.CANCELLED
    assert record.phase is expected
