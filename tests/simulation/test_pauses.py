"""Pauses in virtual time: what they withhold, and what ends them."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine.advance import advance
from orchestrator.engine.graph import Graph
from orchestrator.engine.status.records import Cancelling
from orchestrator.models.execution import DesiredState, ExecutionPhase
from tests.builders import action, chain, edge, graph
from tests.simulation.scripts import scripted
from tests.simulation.world import FAILURE, HANG, START, Result, World

NOT_STARTED = ("Cancelled", "Skipped")
SLOW = Result(seconds=30)
SLOW_FAILURE = Result(FAILURE.state, seconds=30, reason="Failed", message="exit code 1")
TELL = action("tell", **{"with": {"text": "$[[ execution.phase ]]"}})
CHILD = {"name": "child", "workflow": {"name": "flow"}}
EACH = {
    "name": "each",
    "workflow": {"name": "flow"},
    "forEach": {"values": "[1, 2, 3]", "as": "it", "parallelism": 2},
}


@pytest.fixture(params=[False, True], ids=["goes-on", "restarts"])
def forgetful(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def paused(compiled: Graph, forgetful: bool, *, at: float = 5, **results: Result) -> World:
    """A run that is paused and never resumed."""
    world = World(compiled, scripted(**results), forgetful=forgetful)
    world.desire(DesiredState.PAUSED, at=at)
    return world.play()


# The execution's timeout


@pytest.mark.parametrize(
    "first",
    [
        action("first"),
        {"name": "first", "delay": "3s"},
        {"name": "first", "delay": "8s"},
        {"name": "first", "wait": {"signal": "go"}},
        {"name": "first", "approval": {"approvers": ["user:ana"]}},
        action("first", retry={"limit": 3, "backoff": {"initial": "1m"}}),
    ],
    ids=["action", "ended-delay", "delay", "signal", "approval", "backoff"],
)
@pytest.mark.parametrize("result", [Result(), FAILURE, SLOW, HANG], ids=repr)
def test_the_timeout_ends_a_paused_execution_whatever_was_active(
    forgetful: bool, first: dict[str, Any], result: Result
) -> None:
    compiled = graph(
        first, action("second"), TELL,
        edges=[edge("first", "second", "Always")], timeout="12s", finally_=["tell"],
    )  # fmt: skip
    world = paused(compiled, forgetful, at=0.5, first=result)
    assert world.end == ("TimedOut", "ExecutionTimedOut")
    assert world.phases["second"] in NOT_STARTED
    assert world.jobs["tell", 1].parameters == {"text": "TimedOut"}
    assert world.now < START + 20


def test_the_timeout_ends_a_paused_execution_without_final_nodes(forgetful: bool) -> None:
    compiled = graph(
        {"name": "first", "delay": "3s"}, {"name": "second", "delay": "1s"},
        edges=chain("first", "second"), timeout="12s",
    )  # fmt: skip
    world = paused(compiled, forgetful, at=0.5)
    assert world.phases == {"first": "Succeeded", "second": "Cancelled"}
    assert world.reason("second") == "ExecutionTimedOut"
    assert (world.end[0], world.now) == ("TimedOut", START + 12)


@pytest.mark.parametrize("node", [CHILD, EACH], ids=["sub-workflow", "fan-out"])
def test_the_timeout_ends_sub_executions_that_were_paused_with_their_parent(
    forgetful: bool, node: dict[str, Any]
) -> None:
    compiled = graph(
        node, action("after"), TELL,
        edges=chain(node["name"], "after"), timeout="12s", finally_=["tell"],
    )  # fmt: skip
    world = World(compiled, lambda name, _: HANG if name != "tell" else Result())
    world.forgetful = forgetful
    world.desire(DesiredState.PAUSED, at=5)
    world.play()
    assert world.end == ("TimedOut", "ExecutionTimedOut")
    assert world.phases == {node["name"]: "Cancelled", "after": "Skipped", "tell": "Succeeded"}


# An unhandled failure


@pytest.mark.parametrize("policy", ["Stop", "Cancel"])
@pytest.mark.parametrize(
    "other",
    [
        action("other", retry={"limit": 5, "backoff": {"initial": "1m"}}),
        {"name": "other", "delay": "8s"},
        {"name": "other", "wait": {"signal": "go"}},
    ],
    ids=["backoff", "delay", "signal"],
)
def test_a_failure_that_stops_or_cancels_ends_a_paused_execution(
    forgetful: bool, policy: str, other: dict[str, Any]
) -> None:
    compiled = graph(
        action("a"), other, action("then"), action("next"), TELL,
        edges=[*chain("other", "then"), *chain("a", "next")], onFailure=policy, finally_=["tell"],
    )  # fmt: skip
    world = paused(compiled, forgetful, at=0.5, a=SLOW_FAILURE, other=FAILURE)
    assert world.end == ("Failed", "NodeFailed")
    assert world.phases["then"] in NOT_STARTED
    assert world.jobs["tell", 1].parameters == {"text": "Failed"}
    assert "then" not in world.started


@pytest.mark.parametrize("node", [CHILD, EACH], ids=["sub-workflow", "fan-out"])
def test_a_failure_that_stops_resumes_the_sub_executions_that_it_lets_end(
    forgetful: bool, node: dict[str, Any]
) -> None:
    compiled = graph(action("a"), node, TELL, onFailure="Stop", finally_=["tell"])

    def script(name: str, _: int) -> Result:
        return {"a": SLOW_FAILURE, "tell": Result()}.get(name, Result(seconds=60))

    world = World(compiled, script, forgetful=forgetful)
    world.desire(DesiredState.PAUSED, at=5)
    world.play()
    states = [control.state.value for control in world.controlled]
    assert states.index("Paused") < states.index("Running")
    assert "Paused" not in states[states.index("Running") :]
    expected = "Succeeded" if node is CHILD else "Cancelled"  # its third item begins no more
    assert world.phases == {"a": "Failed", node["name"]: expected, "tell": "Succeeded"}
    assert world.now > START + 85


def test_an_expression_that_fails_while_paused_ends_the_pause_as_well(forgetful: bool) -> None:
    """It fails the node that an edge leads to, in the middle of what follows from another."""
    compiled = graph(
        {"name": "early", "delay": "3s"},
        action("withheld"),
        action("a"),
        action("b"),
        edges=[
            edge("early", "withheld"),
            edge("a", "b", when="nodes.a.outputs.items[0] == 1"),
        ],
        onFailure="Cancel",
    )
    world = paused(compiled, forgetful, at=0.5, a=Result(seconds=5, outputs={"value": 1}))
    assert (world.phases["b"], world.reason("b")) == ("Failed", "ExpressionError")
    assert world.phases["withheld"] == "Cancelled"
    assert world.end == ("Failed", "NodeFailed")


# Resuming, replacing, cancelling


def test_a_resumed_execution_starts_what_the_pause_withheld(forgetful: bool) -> None:
    compiled = graph(
        action("a"), action("b"), {"name": "c", "transform": {"x": "1"}},
        edges=[*chain("a", "b"), *chain("a", "c")],
    )  # fmt: skip
    world = World(compiled, scripted(), forgetful=forgetful)
    world.desire(DesiredState.PAUSED, at=0.5)
    world.desire(DesiredState.RUNNING, at=50)
    world.play()
    assert world.jobs["b", 1].created_at == START + 50
    assert world.end == ("Succeeded", "Completed")


@pytest.mark.parametrize("state", [DesiredState.CANCELLED, DesiredState.TERMINATED])
@pytest.mark.parametrize("result", [Result(), HANG, FAILURE], ids=repr)
def test_a_paused_execution_can_be_cancelled_and_terminated(
    forgetful: bool, state: DesiredState, result: Result
) -> None:
    compiled = graph(
        action("a", retry={"limit": 2, "backoff": {"initial": "1h"}}), action("b"), TELL,
        edges=chain("a", "b"), finally_=["tell"],
    )  # fmt: skip
    world = World(compiled, scripted(a=result), forgetful=forgetful)
    world.desire(DesiredState.PAUSED, at=0.5)
    world.desire(state, at=50)
    world.play()
    assert world.end[0] == "Cancelled"
    terminated = state is DesiredState.TERMINATED
    assert world.phases["tell"] == ("Skipped" if terminated else "Succeeded")


def test_a_paused_execution_can_be_replaced(forgetful: bool) -> None:
    compiled = graph(action("a"), action("b"), TELL, edges=chain("a", "b"), finally_=["tell"])
    world = World(compiled, scripted(), forgetful=forgetful)
    world.desire(DesiredState.PAUSED, at=0.5)

    def replaced(world: World) -> None:
        cause = Cancelling(world.now, "Replaced", "another replaces it")
        world.run = world.run.recorded({}, world.run.phase, cause, world.run.settled)

    world.at.append((START + 20, replaced))
    world.play()
    assert world.end == ("Cancelled", "Replaced")
    assert world.phases == {"a": "Succeeded", "b": "Cancelled", "tell": "Succeeded"}


def test_the_pass_in_which_a_pause_ends_needs_no_scan_to_be_asked_for() -> None:
    compiled = graph(action("a"), action("b"), edges=chain("a", "b"), timeout="12s")
    world = World(compiled, scripted(a=Result()))
    world.desire(DesiredState.PAUSED, at=0.5)
    while world.run.phase is not ExecutionPhase.PAUSED or world.run.active:
        world._settle()
        world.now += 1
        if world.now > START + 0.5 and world.at:
            world.at.pop()[1](world)
    decided = advance(compiled, world.run, {}, START + 12, scan=False)
    assert decided.records["b"].reason == "ExecutionTimedOut"
    assert decided.ending is not None
