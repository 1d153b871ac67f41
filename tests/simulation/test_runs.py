"""Whole executions in virtual time: order, joins, outcomes and outputs."""

from __future__ import annotations

from orchestrator.engine.observed import AttemptState
from tests.builders import action, chain, edge, graph
from tests.simulation.scripts import play, scripted
from tests.simulation.world import FAILURE, START, SUCCESS, TIMEOUT, Result, World


def test_a_chain_runs_in_order_and_succeeds() -> None:
    world = play(graph(action("a"), action("b"), action("c"), edges=chain("a", "b", "c")))
    assert world.started == ["a", "b", "c"]
    assert world.ending is not None
    assert world.ending.phase == "Succeeded"
    assert world.now == START + 3


def test_branches_of_a_condition_meet_again() -> None:
    compiled = graph(
        {"name": "big", "condition": "vars.size > 3"},
        action("large"),
        action("small"),
        action("both"),
        edges=[
            edge("big", "large"),
            edge("big", "small", "Else"),
            edge("large", "both"),
            edge("small", "both"),
        ],
    )
    world = play(compiled, {"size": 5})
    assert world.phases == {
        "big": "Succeeded",
        "large": "Succeeded",
        "small": "Skipped",
        "both": "Succeeded",
    }
    assert world.reason("small") == "BranchNotChosen"


def test_a_failure_blocks_what_asks_for_success_and_fails_the_execution() -> None:
    compiled = graph(action("a"), action("b"), action("c"), edges=chain("a", "b", "c"))
    world = play(compiled, a=FAILURE)
    assert world.phases == {"a": "Failed", "b": "Skipped", "c": "Skipped"}
    assert world.reason("b") == world.reason("c") == "Blocked"
    assert world.ending is not None
    assert (world.ending.phase, world.ending.reason) == ("Failed", "NodeFailed")
    assert "a Failed: exit code 1" in world.ending.message


def test_an_error_handler_handles_a_failure() -> None:
    compiled = graph(action("a"), action("rescue"), edges=[edge("a", "rescue", "Failed")])
    world = play(compiled, a=TIMEOUT)
    assert world.phases == {"a": "TimedOut", "rescue": "Succeeded"}
    assert world.ending is not None
    assert world.ending.phase == "Succeeded"


def test_a_handler_whose_when_is_false_handles_nothing() -> None:
    compiled = graph(
        action("a"), action("rescue"), edges=[edge("a", "rescue", "Failed", when="vars.on_call")]
    )
    world = play(compiled, {"on_call": False}, a=FAILURE)
    assert world.phases == {"a": "Failed", "rescue": "Skipped"}
    assert world.ending is not None
    assert world.ending.phase == "Failed"


def test_a_handler_is_skipped_when_all_goes_well() -> None:
    compiled = graph(action("a"), action("rescue"), edges=[edge("a", "rescue", "Failed")])
    world = play(compiled)
    assert world.phases == {"a": "Succeeded", "rescue": "Skipped"}
    assert world.reason("rescue") == "BranchNotChosen"


def test_always_cleans_up_but_does_not_handle() -> None:
    compiled = graph(action("a"), action("clean"), edges=[edge("a", "clean", "Always")])
    world = play(compiled, a=FAILURE)
    assert world.phases == {"a": "Failed", "clean": "Succeeded"}
    assert world.ending is not None
    assert world.ending.phase == "Failed"


def test_a_handled_failure_still_blocks_the_deployment() -> None:
    compiled = graph(
        action("check"),
        action("tell"),
        action("deploy"),
        edges=[edge("check", "tell", "Failed"), edge("check", "deploy")],
    )
    world = play(compiled, check=FAILURE)
    assert world.phases == {"check": "Failed", "tell": "Succeeded", "deploy": "Skipped"}
    assert world.reason("deploy") == "Blocked"
    assert world.ending is not None
    assert world.ending.phase == "Succeeded"


def test_allow_failure_takes_the_success_edges_too() -> None:
    compiled = graph(action("a", allowFailure=True), action("b"), edges=chain("a", "b"))
    world = play(compiled, a=FAILURE)
    assert world.phases == {"a": "Failed", "b": "Succeeded"}
    assert world.ending is not None
    assert world.ending.phase == "Succeeded"


def test_one_rollback_serves_the_failures_of_a_whole_chain() -> None:
    compiled = graph(
        action("a"),
        action("b"),
        action("c"),
        action("rollback"),
        edges=[*chain("a", "b", "c"), *(edge(name, "rollback", "Failed") for name in "abc")],
    )
    world = play(compiled, b=FAILURE)
    assert world.phases == {
        "a": "Succeeded",
        "b": "Failed",
        "c": "Skipped",
        "rollback": "Succeeded",
    }


def test_join_any_lets_an_error_handlers_branch_meet_the_normal_one() -> None:
    edges = [
        edge("a", "b"),
        edge("a", "rescue", "Failed"),
        edge("b", "go_on"),
        edge("rescue", "go_on"),
    ]
    nodes = [action(name) for name in ("a", "b", "rescue")]
    strict = play(graph(*nodes, action("go_on"), edges=edges), a=FAILURE)
    assert strict.phase("go_on") == "Skipped"
    world = play(graph(*nodes, action("go_on", join="Any"), edges=edges), a=FAILURE)
    assert world.phases == {
        "a": "Failed",
        "b": "Skipped",
        "rescue": "Succeeded",
        "go_on": "Succeeded",
    }


def test_join_any_waits_for_every_edge_and_is_blocked_when_none_is_taken() -> None:
    edges = [edge("quick", "after"), edge("slow", "after")]
    compiled = graph(action("quick"), action("slow"), action("after", join="Any"), edges=edges)
    world = play(compiled, slow=Result(seconds=30))
    assert world.jobs["after", 1].created_at == START + 30
    failed = play(compiled, quick=FAILURE, slow=FAILURE)
    assert (failed.phase("after"), failed.reason("after")) == ("Skipped", "Blocked")


def test_join_first_starts_at_the_first_edge_and_later_ones_change_nothing() -> None:
    edges = [edge("quick", "after"), edge("slow", "after")]
    compiled = graph(action("quick"), action("slow"), action("after", join="First"), edges=edges)
    world = play(compiled, slow=Result(seconds=30))
    assert world.jobs["after", 1].created_at == START + 1
    assert len(world.jobs) == 3
    late = play(compiled, quick=FAILURE, slow=Result(seconds=30))
    assert late.jobs["after", 1].created_at == START + 30


def test_when_false_skips_a_node_and_what_follows_from_it_alone() -> None:
    compiled = graph(
        action("a"), action("b", when="vars.wanted"), action("c"), edges=chain("a", "b", "c")
    )
    world = play(compiled, {"wanted": False})
    assert world.phases == {"a": "Succeeded", "b": "Skipped", "c": "Skipped"}
    assert world.reason("b") == world.reason("c") == "BranchNotChosen"
    assert world.ending is not None
    assert world.ending.phase == "Succeeded"


def test_a_delay_waits_for_its_time() -> None:
    compiled = graph(
        action("a"), {"name": "rest", "delay": "90s"}, action("b"), edges=chain("a", "rest", "b")
    )
    world = play(compiled)
    assert world.jobs["b", 1].created_at == START + 1 + 90


def test_outputs_travel_into_parameters_with_their_type() -> None:
    compiled = graph(
        action("a"),
        action(
            "b",
            **{
                "with": {
                    "count": "$[[ nodes.a.outputs.value ]]",
                    "text": "got $[[ nodes.a.outputs.value ]]",
                }
            },
        ),
        edges=chain("a", "b"),
        outputs=[{"name": "answer", "value": "nodes.a.outputs.value"}],
    )
    world = play(compiled, a=Result(outputs={"value": 42}))
    assert world.jobs["b", 1].parameters == {"count": 42, "text": "got 42"}
    assert world.ending is not None
    assert world.ending.outputs == {"answer": 42}


def test_an_expression_that_fails_fails_its_node_and_is_not_retried() -> None:
    compiled = graph(
        action("a"),
        action("b", retry={"limit": 3}, **{"with": {"text": "$[[ nodes.a.outputs.missing ]]"}}),
        edges=chain("a", "b"),
    )
    world = play(compiled)
    assert world.phase("b") == "Failed"
    assert world.reason("b") == "ExpressionError"
    assert "spec.nodes[1].with" in world.run.records["b"].message
    assert ("b", 1) not in world.jobs


def test_a_parameter_of_the_wrong_type_fails_its_node_with_the_path() -> None:
    compiled = graph(action("a", **{"with": {"count": "$[[ vars.word ]]"}}))
    world = play(compiled, {"word": "many"})
    assert world.reason("a") == "InvalidParameters"
    assert "with.count" in world.run.records["a"].message


def test_the_story_of_a_run_reads_well() -> None:
    compiled = graph(action("a", retry={"limit": 1}), action("b"), edges=[edge("a", "b", "Failed")])
    world = play(compiled, a=[FAILURE, SUCCESS])
    assert world.story[0].startswith("a is retried in ")
    assert world.story[1].startswith("a succeeded after ")
    assert world.story[2] == "b was skipped (BranchNotChosen: no edge to it was taken)"


def test_what_a_status_cannot_hold_does_not_count_before_a_restart_either() -> None:
    """JSON knows no 1.0, and a message is cut; a null stays."""
    compiled = graph(
        action("a"),
        {"name": "shape", "transform": {"data": "{'gone': none, 'half': 1.0}", "none": "none"}},
        {"name": "seen", "transform": {"text": "nodes.shape.outputs | tojson"}},
        {"name": "long", "transform": {"size": "nodes.a.message | length"}},
        edges=[edge("a", "shape", "Failed"), *chain("shape", "seen", "long")],
    )
    failure = Result(AttemptState.FAILED, message="x" * 1000)
    for forgetful in (True, False):
        world = World(compiled, scripted(a=failure), forgetful=forgetful).play()
        assert world.run.records["seen"].outputs == {
            "text": '{"data":{"gone":null,"half":1},"none":null}'
        }
        assert world.run.records["long"].outputs == {"size": 254}
