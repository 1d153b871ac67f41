"""Hostile conditions: a clock that jumps, runaway expressions, signals without a receiver."""

from __future__ import annotations

import pytest

from orchestrator.engine.observed import AttemptState
from tests.builders import action, chain, edge, graph
from tests.simulation.scripts import scripted
from tests.simulation.world import FAILURE, START, SUCCESS, Result, World

HOUR = 3600.0
MOMENTS = [0.5, 2.0, 4.0, 8.0, 20.0, 45.0]
"""Within the first attempt, its backoff, the delay and the last attempt of `timed`."""


def timed(**fields: object) -> World:
    """Three seconds of an attempt that fails, a backoff, a delay, an attempt of ten seconds."""
    retry = {"limit": 1, "backoff": {"initial": "3s"}}
    compiled = graph(
        action("flaky", retry=retry),
        {"name": "settle", "delay": "30s"},
        action("last", **fields),
        edges=chain("flaky", "settle", "last"),
    )
    flaky = [Result(AttemptState.FAILED, seconds=3, reason="Failed"), SUCCESS]
    return World(compiled, scripted(flaky=flaky, last=Result(seconds=10)))


@pytest.mark.parametrize("by", [-HOUR, HOUR], ids=["back", "forward"])
@pytest.mark.parametrize("at", MOMENTS)
def test_a_clock_that_jumps_makes_waits_longer_or_shorter_and_nothing_twice(
    by: float, at: float
) -> None:
    world = timed()
    world.step_clock(by, at)
    world.play()
    assert world.ending is not None
    assert world.ending.phase == "Succeeded"
    assert world.started == ["flaky", "flaky", "last"]
    assert world.now <= START + 60 + max(-by, 0)


def test_a_clock_that_jumps_past_a_timeout_gives_up_what_runs_and_stops_it() -> None:
    world = timed(timeout="20s")
    world.step_clock(HOUR, 42)
    world.play()
    assert (world.phase("last"), world.started) == ("TimedOut", ["flaky", "flaky", "last"])
    assert [(stop.node, stop.force) for stop in world.stopped] == [("last", True)]


RUNAWAY = {
    "texts in texts": "vars.text | replace('a', vars.text) | replace('a', vars.text)",
    "a text that doubles": " ~ ".join(["vars.text"] * 60),
    "lists in lists": "[vars.list, vars.list, vars.list, vars.list, vars.list, vars.list]",
    "a power of a number": "(vars.number * vars.number) * (vars.number * vars.number)",
}


@pytest.mark.parametrize("how", RUNAWAY)
def test_an_expression_that_runs_away_fails_its_node_and_the_others_go_on(how: str) -> None:
    compiled = graph(
        {"name": "runs_away", "transform": {"value": RUNAWAY[how]}},
        action("beside"),
        action("told"),
        edges=[edge("runs_away", "told", "Failed")],
    )
    variables = {"text": "a" * 60_000, "list": ["a" * 1000] * 60, "number": 2**40}
    world = World(compiled, scripted(), variables).play()
    assert (world.phase("runs_away"), world.reason("runs_away")) == ("Failed", "ExpressionError")
    assert world.phases == {"runs_away": "Failed", "beside": "Succeeded", "told": "Succeeded"}


def test_decisions_and_signals_for_what_waits_for_none_change_nothing() -> None:
    approval = {"approvers": ["user:ana"]}
    compiled = graph(
        action("build"),
        {"name": "asked", "approval": approval, "timeout": "20s"},
        {"name": "waits", "wait": {"signal": "go"}, "timeout": "20s"},
        edges=chain("build", "asked"),
    )
    world = World(compiled, scripted(build=FAILURE))
    for node in ("build", "waits", "nowhere", "asked"):
        world.decide(node, "ana", "Reject", at=0.5)
    world.signal("nobody_waits", "1", at=0.5)
    world.signal("asked", "2", at=0.5)
    world.play()
    assert world.phases == {"build": "Failed", "asked": "Skipped", "waits": "TimedOut"}


def test_outputs_of_what_was_skipped_are_empty_and_hold_up_nothing() -> None:
    taken = "nodes.small.outputs.value | default(nodes.large.outputs.value)"
    compiled = graph(
        {"name": "big", "condition": "true"},
        action("large"),
        action("small"),
        {"name": "both", "transform": {"value": taken, "kept": "nodes.small.outputs"}},
        edges=[
            edge("big", "large"),
            edge("big", "small", "Else"),
            edge("large", "both"),
            edge("small", "both"),
        ],
    )
    world = World(compiled, scripted(large=Result(outputs={"value": 7}))).play()
    assert world.phase("small") == "Skipped"
    assert world.run.records["both"].outputs == {"value": 7, "kept": {}}
