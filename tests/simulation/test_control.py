"""Finally, onFailure and timeouts in virtual time: how a run ends."""

from __future__ import annotations

from orchestrator.models.execution import DesiredState
from tests.builders import action, chain, edge, graph
from tests.simulation.scripts import play, scripted
from tests.simulation.world import FAILURE, HANG, START, Result, World

SLOW = Result(seconds=30)
SEES = {"with": {"text": "$[[ execution.phase ]]: $[[ execution.failures | length ]]"}}


def test_final_nodes_run_last_and_see_the_outcome() -> None:
    compiled = graph(
        action("a"),
        action("b"),
        action("tell", **SEES),
        edges=chain("a", "b"),
        finally_=["tell"],
    )
    world = play(compiled)
    assert world.started == ["a", "b", "tell"]
    assert world.jobs["tell", 1].parameters == {"text": "Succeeded: 0"}
    assert world.end == ("Succeeded", "Completed")
    failed = play(compiled, a=FAILURE)
    assert failed.started == ["a", "tell"]
    assert failed.jobs["tell", 1].parameters == {"text": "Failed: 1"}
    assert failed.end == ("Failed", "NodeFailed")


def test_final_nodes_run_after_a_cancel_too_but_not_when_terminated() -> None:
    compiled = graph(action("a"), action("tell", **SEES), finally_=["tell"])
    world = World(compiled, scripted(a=HANG))
    world.desire(DesiredState.CANCELLED, at=5)
    world.play()
    assert world.phases == {"a": "Cancelled", "tell": "Succeeded"}
    assert world.jobs["tell", 1].parameters == {"text": "Cancelled: 0"}
    assert world.end == ("Cancelled", "CancelRequested")
    terminated = World(compiled, scripted(a=HANG))
    terminated.desire(DesiredState.TERMINATED, at=5)
    terminated.play()
    assert terminated.phases == {"a": "Cancelled", "tell": "Skipped"}
    assert terminated.end == ("Cancelled", "Terminated")


def test_what_came_before_finally_stands_whatever_is_asked_later() -> None:
    compiled = graph(action("a"), action("tell"), finally_=["tell"])
    world = World(compiled, scripted(tell=SLOW))
    world.desire(DesiredState.CANCELLED, at=5)
    world.play()
    assert world.phases == {"a": "Succeeded", "tell": "Succeeded"}
    assert world.end == ("Succeeded", "Completed")


def test_terminated_stops_finally_as_well() -> None:
    compiled = graph(action("a"), action("tell"), finally_=["tell"])
    world = World(compiled, scripted(tell=HANG))
    world.desire(DesiredState.TERMINATED, at=5)
    world.play()
    assert world.phases == {"a": "Succeeded", "tell": "Cancelled"}
    assert world.end == ("Cancelled", "Terminated")


def test_finally_that_takes_too_long_is_stopped_and_fails_the_execution() -> None:
    compiled = graph(action("a"), action("tell"), finallyTimeout="1m", finally_=["tell"])
    world = play(compiled, tell=HANG)
    assert world.phase("tell") == "TimedOut"
    assert world.reason("tell") == "FinallyTimedOut"
    assert world.end == ("Failed", "FinallyTimedOut")
    assert world.now < START + 70


def test_a_final_node_that_fails_turns_success_into_failure_and_leaves_other_ends() -> None:
    compiled = graph(action("a"), action("tell"), finally_=["tell"])
    assert play(compiled, tell=FAILURE).end == ("Failed", "NodeFailed")
    cancelled = World(compiled, scripted(a=HANG, tell=FAILURE))
    cancelled.desire(DesiredState.CANCELLED, at=5)
    assert cancelled.play().end[0] == "Cancelled"
    forgiven = graph(action("a"), action("tell", allowFailure=True), finally_=["tell"])
    assert play(forgiven, tell=FAILURE).end == ("Succeeded", "Completed")


def test_outputs_may_read_final_nodes() -> None:
    compiled = graph(
        action("a"),
        action("tell"),
        outputs=[{"name": "told", "value": "nodes.tell.outputs.value"}],
        finally_=["tell"],
    )
    world = play(compiled, tell=Result(outputs={"value": 7}))
    assert world.ending is not None
    assert world.ending.outputs == {"told": 7}


def test_the_executions_timeout_stops_what_runs_and_finally_still_runs() -> None:
    compiled = graph(
        action("a"),
        action("rescue"),
        action("tell", **SEES),
        edges=[edge("a", "rescue", "Failed")],
        timeout="10s",
        finally_=["tell"],
    )
    world = play(compiled, a=HANG)
    assert world.phases["a"] == "Cancelled"
    assert world.reason("a") == "ExecutionTimedOut"
    assert "rescue" not in world.started
    assert world.jobs["tell", 1].parameters == {"text": "TimedOut: 0"}
    assert world.end == ("TimedOut", "ExecutionTimedOut")


def test_a_cancel_goes_before_a_timeout_that_came_first() -> None:
    compiled = graph(action("a"), timeout="10s")
    world = World(compiled, scripted(a=HANG))
    world.desire(DesiredState.CANCELLED, at=10.5)
    assert world.play().end == ("Cancelled", "CancelRequested")


STOP = [action("a"), action("b"), action("slow"), action("later"), action("rescue")]
STOP_EDGES = [*chain("slow", "later"), edge("slow", "rescue", "Failed"), edge("a", "b")]


def test_on_failure_finish_lets_the_other_branches_go_on() -> None:
    world = play(graph(*STOP, edges=STOP_EDGES), a=FAILURE, slow=SLOW)
    assert world.phase("later") == "Succeeded"
    assert world.end == ("Failed", "NodeFailed")


def test_on_failure_stop_starts_nothing_new_and_lets_what_runs_end() -> None:
    compiled = graph(*STOP, edges=STOP_EDGES, onFailure="Stop")
    world = play(compiled, a=FAILURE, slow=SLOW)
    assert world.phase("slow") == "Succeeded"
    assert world.phase("later") == "Cancelled"
    assert world.reason("later") == "FailureStopped"
    assert world.stopped == []
    assert world.end == ("Failed", "NodeFailed")
    handlers = play(compiled, a=FAILURE, slow=Result(FAILURE.state, seconds=30, reason="Failed"))
    assert handlers.phases["slow"] == "Failed"
    assert handlers.phases["rescue"] == "Cancelled"


def test_on_failure_stop_ends_what_only_waits() -> None:
    compiled = graph(
        action("a"),
        action("flaky", retry={"limit": 5}),
        {"name": "rest", "delay": "1h"},
        {"name": "ask", "approval": {"approvers": ["user:ana"]}},
        onFailure="Stop",
    )
    world = play(compiled, a=Result(FAILURE.state, seconds=1.5, reason="Failed"), flaky=FAILURE)
    assert world.phases == {
        "a": "Failed",
        "flaky": "Cancelled",
        "rest": "Cancelled",
        "ask": "Cancelled",
    }


def test_on_failure_cancel_stops_what_runs() -> None:
    compiled = graph(*STOP, action("tell"), edges=STOP_EDGES, onFailure="Cancel", finally_=["tell"])
    world = play(compiled, a=FAILURE, slow=HANG)
    assert world.phases["slow"] == "Cancelled"
    assert world.reason("slow") == "FailureCancelled"
    assert world.phases["tell"] == "Succeeded"
    assert world.end == ("Failed", "NodeFailed")


def test_a_handled_failure_stops_nothing() -> None:
    compiled = graph(*STOP, edges=STOP_EDGES, onFailure="Cancel")
    world = play(compiled, slow=FAILURE)
    assert world.phases["rescue"] == "Succeeded"
    assert world.end == ("Succeeded", "Completed")


def test_nothing_of_finally_starts_while_paused_and_its_clock_goes_on() -> None:
    compiled = graph(action("a"), action("tell"), finallyTimeout="1m", finally_=["tell"])
    world = World(compiled, scripted())
    world.desire(DesiredState.PAUSED, at=0.5)
    world.play()
    assert world.phases == {"a": "Succeeded", "tell": "TimedOut"}
    assert world.started == ["a"]
    assert world.end == ("Failed", "FinallyTimedOut")


def away(world: World, node: str) -> World:
    """No operator runs for an hour after the node has started."""
    while node not in world.started:
        world._settle()
        world.now += 1
    world.now += 3600
    world._settle()
    return world


def test_what_ended_in_time_while_no_operator_ran_did_not_time_out() -> None:
    last = away(World(graph(action("a"), action("tell"), finally_=["tell"]), scripted()), "tell")
    assert last.end == ("Succeeded", "Completed")
    whole = away(World(graph(action("a"), timeout="10m"), scripted()), "a")
    assert whole.end == ("Succeeded", "Completed")
    cut = away(
        World(graph(action("a"), action("b"), edges=chain("a", "b"), timeout="10m"), scripted()),
        "a",
    )
    assert cut.end == ("TimedOut", "ExecutionTimedOut")


def test_finally_that_is_cut_off_where_failures_are_allowed_fails_nothing() -> None:
    compiled = graph(
        action("a"), action("tell", allowFailure=True), finally_=["tell"], finallyTimeout="1m"
    )
    world = play(compiled, tell=HANG)
    assert world.phases == {"a": "Succeeded", "tell": "TimedOut"}
    assert world.end == ("Succeeded", "Completed")
