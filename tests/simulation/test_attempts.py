"""Attempts in virtual time: retries, timeouts and cancellations."""

from __future__ import annotations

from orchestrator.engine.observed import AttemptState
from orchestrator.models.execution import DesiredState
from tests.builders import action, chain, edge, graph
from tests.simulation.scripts import play, scripted
from tests.simulation.world import FAILURE, HANG, START, SUCCESS, Result, World


def test_a_retry_waits_longer_each_time_and_then_succeeds() -> None:
    compiled = graph(
        action("a", retry={"limit": 2, "backoff": {"initial": "10s", "factor": 3, "max": "1m"}})
    )
    world = play(compiled, a=[FAILURE, FAILURE, SUCCESS])
    assert world.phase("a") == "Succeeded"
    assert sorted(world.jobs) == [("a", 1), ("a", 2), ("a", 3)]
    first, second, third = (world.jobs["a", attempt].created_at for attempt in (1, 2, 3))
    assert 7.5 <= second - first - 1 <= 10
    assert 22.5 <= third - second - 1 <= 30


def test_jitter_is_the_same_whenever_it_is_drawn() -> None:
    compiled = graph(action("a", retry={"limit": 1}))
    moments = {play(compiled, a=[FAILURE, SUCCESS]).jobs["a", 2].created_at for _ in range(3)}
    assert len(moments) == 1


def test_only_the_reasons_listed_are_retried() -> None:
    compiled = graph(action("a", retry={"limit": 3, "reasons": ["Disrupted"]}))
    disrupted = Result(AttemptState.FAILED, reason="Disrupted")
    world = play(compiled, a=[disrupted, FAILURE])
    assert world.phase("a") == "Failed"
    assert len(world.jobs) == 2


def test_a_permanent_exit_code_is_never_retried() -> None:
    permanent = Result(AttemptState.FAILED, reason="Failed", exit_code=64, permanent=True)
    world = play(graph(action("a", retry={"limit": 5})), a=permanent)
    assert world.phase("a") == "Failed"
    assert len(world.jobs) == 1


def test_defaults_apply_to_actions_without_their_own() -> None:
    compiled = graph(action("a"), defaults={"retry": {"limit": 1}})
    world = play(compiled, a=[FAILURE, SUCCESS])
    assert world.phase("a") == "Succeeded"


def test_cancelling_stops_what_runs_and_starts_nothing() -> None:
    compiled = graph(action("a"), action("b"), action("c"), edges=chain("a", "b"))
    world = World(compiled, scripted(a=HANG))
    world.desire(DesiredState.CANCELLED, at=5)
    world.play()
    assert world.phases == {"a": "Cancelled", "b": "Skipped", "c": "Succeeded"}
    assert [step.node for step in world.stopped][:1] == ["a"]
    assert world.ending is not None
    assert (world.ending.phase, world.ending.reason) == ("Cancelled", "CancelRequested")


def test_a_success_seen_first_wins_over_a_cancel() -> None:
    compiled = graph(action("a"), action("b"), edges=chain("a", "b"))
    world = World(compiled, scripted(a=Result(seconds=5)))
    world.desire(DesiredState.CANCELLED, at=5)
    world.play()
    assert world.phases == {"a": "Succeeded", "b": "Cancelled"}


def test_a_cancelled_delay_and_backoff_end_at_once() -> None:
    compiled = graph(
        {"name": "rest", "delay": "1h"},
        action("a", retry={"limit": 9, "backoff": {"initial": "1h", "max": "1h"}}),
    )
    world = World(compiled, scripted(a=FAILURE))
    world.desire(DesiredState.CANCELLED, at=10)
    world.play()
    assert world.phases == {"rest": "Cancelled", "a": "Cancelled"}
    assert world.now == START + 10


def test_terminating_forces_at_once() -> None:
    world = World(graph(action("a")), scripted(a=HANG))
    world.desire(DesiredState.TERMINATED, at=5)
    world.play()
    assert world.stopped[0].force
    assert world.ending is not None
    assert world.ending.phase == "Cancelled"


def test_an_execution_that_takes_too_long_times_out() -> None:
    compiled = graph(
        action("a"), action("rescue"), edges=[edge("a", "rescue", "Failed")], timeout="1m"
    )
    world = play(compiled, a=HANG)
    assert world.phases == {"a": "Cancelled", "rescue": "Skipped"}
    assert world.reason("a") == "ExecutionTimedOut"
    assert world.ending is not None
    assert world.ending.phase == "TimedOut"


def test_an_attempt_that_says_nothing_is_given_up_by_the_clock() -> None:
    world = play(graph(action("a", timeout="1m")), a=HANG)
    assert world.phase("a") == "TimedOut"
    assert world.stopped[-1].force
