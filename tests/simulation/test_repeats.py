"""Repeats and sub-workflows in virtual time."""

from __future__ import annotations

from typing import Any

from orchestrator.engine.observed import AttemptState
from orchestrator.models.execution import DesiredState
from tests.builders import action, chain, graph
from tests.simulation.scripts import play, scripted
from tests.simulation.world import FAILURE, HANG, START, Result, World


def value(number: int) -> Result:
    return Result(outputs={"value": number})


def repeated(limit: int = 5, **fields: Any) -> dict[str, Any]:
    until = {"until": "nodes.a.outputs.value >= 3", "limit": limit, "delay": "10s"}
    return action("a", repeat=until, **fields)


def test_a_repeat_ends_when_its_until_holds() -> None:
    world = play(graph(repeated()), a=[value(1), value(2), value(3)])
    assert world.phase("a") == "Succeeded"
    assert sorted(world.jobs) == [("a", 1), ("a", 2), ("a", 3)]
    assert [world.jobs["a", n].created_at - START for n in (1, 2, 3)] == [0, 11, 22]
    assert world.run.records["a"].outputs == {"value": 3}
    assert world.run.records["a"].iteration == 2


def test_a_repeat_without_success_of_until_fails_at_its_limit() -> None:
    world = play(graph(repeated(limit=2)), a=[value(1), value(2)])
    assert (world.phase("a"), world.reason("a")) == ("Failed", "RepeatLimit")
    assert len(world.jobs) == 2


def test_a_repeat_contains_retry_and_its_attempts_never_start_again() -> None:
    compiled = graph(repeated(retry={"limit": 1, "backoff": {"initial": "1s"}}))
    world = play(compiled, a=[FAILURE, value(1), FAILURE, value(3)])
    assert world.phase("a") == "Succeeded"
    assert world.run.records["a"].attempts == 4
    exhausted = play(compiled, a=[FAILURE, value(1), FAILURE, FAILURE])
    assert exhausted.phase("a") == "Failed"
    assert exhausted.run.records["a"].attempts == 4


def test_an_until_that_cannot_be_computed_fails_the_node() -> None:
    world = play(graph(repeated()), a=[Result()])
    assert world.reason("a") == "ExpressionError"
    assert "spec.nodes[0].repeat.until" in world.run.records["a"].message


def test_no_iteration_starts_while_paused() -> None:
    world = World(graph(repeated()), scripted(a=[value(1), value(3)]))
    world.desire(DesiredState.PAUSED, at=5)
    world.desire(DesiredState.RUNNING, at=100)
    world.play()
    assert world.jobs["a", 2].created_at == START + 100


def test_a_cancelled_repeat_begins_no_further_iteration() -> None:
    world = World(graph(repeated()), scripted(a=[value(1), value(2)]))
    world.desire(DesiredState.CANCELLED, at=5)
    world.play()
    assert world.phase("a") == "Cancelled"
    assert len(world.jobs) == 1


CHILD = {"name": "child", "workflow": {"name": "other", "variables": {"n": "$[[ vars.n ]]"}}}


def test_a_sub_workflow_gets_its_variables_and_gives_its_outputs() -> None:
    compiled = graph(
        CHILD,
        action("after", **{"with": {"count": "$[[ nodes.child.outputs.value ]]"}}),
        edges=chain("child", "after"),
    )
    world = play(compiled, {"n": 3}, child=value(9))
    assert world.jobs["child", 1].parameters == {"n": 3}
    assert world.jobs["after", 1].parameters == {"count": 9}


def test_a_sub_workflow_that_fails_fails_its_node_and_is_retried_as_said() -> None:
    failed = Result(AttemptState.FAILED, reason="SubWorkflowFailed")
    world = play(graph({**CHILD, "retry": {"limit": 1}}), {"n": 3}, child=[failed, failed])
    assert (world.phase("child"), world.reason("child")) == ("Failed", "SubWorkflowFailed")
    assert len(world.jobs) == 2


def test_pause_and_cancel_reach_the_sub_workflow() -> None:
    world = World(graph(CHILD), scripted(child=HANG), {"n": 3})
    world.desire(DesiredState.PAUSED, at=5)
    world.desire(DesiredState.RUNNING, at=10)
    world.desire(DesiredState.CANCELLED, at=20)
    world.play()
    states = [control.state.value for control in world.controlled]
    assert list(dict.fromkeys(states)) == ["Paused", "Running", "Cancelled"]
    assert world.phase("child") == "Cancelled"


def test_a_sub_workflow_that_takes_too_long_is_cancelled_and_timed_out() -> None:
    world = play(graph({**CHILD, "timeout": "1m"}), {"n": 3}, child=HANG)
    assert (world.phase("child"), world.reason("child")) == ("TimedOut", "TimedOut")
    assert world.now == START + 61
