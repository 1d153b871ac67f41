"""Fan-outs in virtual time: one Job for all items."""

from __future__ import annotations

from typing import Any

from orchestrator.engine.observed import AttemptState
from orchestrator.models.execution import DesiredState
from tests.builders import action, chain, graph
from tests.simulation.scripts import play
from tests.simulation.world import HANG, START, SUCCESS, Result, Script, World

EACH = {"values": "vars.names", "as": "name", "gather": ["value"]}
TELL = action("tell", forEach=EACH, **{"with": {"text": "$[[ index ]]: $[[ name ]]"}})


def test_every_items_parameters_are_rendered_beforehand() -> None:
    world = play(graph(TELL), {"names": ["ana", "bob"]}, tell=Result(outputs={"value": [1, 2]}))
    assert world.jobs["tell", 1].parameters == {"items": ({"text": "0: ana"}, {"text": "1: bob"})}
    assert world.run.records["tell"].items == 2
    assert world.run.records["tell"].outputs == {"value": [1, 2]}


def test_an_empty_list_is_a_success_without_a_job() -> None:
    after = action("after", **{"with": {"text": "$[[ nodes.tell.outputs.value | length ]]!"}})
    world = play(graph(TELL, after, edges=chain("tell", "after")), {"names": []})
    assert world.phases == {"tell": "Succeeded", "after": "Succeeded"}
    assert world.started == ["after"]
    assert world.jobs["after", 1].parameters == {"text": "0!"}


def test_what_is_no_list_fails_the_node_with_its_path() -> None:
    world = play(graph(TELL), {"names": "ana"})
    assert world.reason("tell") == "ExpressionError"
    assert "spec.nodes[0].forEach.values: must give a list" in world.run.records["tell"].message


def test_an_item_whose_parameters_do_not_fit_is_named() -> None:
    each = {"values": "vars.names", "as": "name"}
    node = action("tell", forEach=each, **{"with": {"count": "$[[ name ]]"}})
    world = play(graph(node), {"names": [1, "two"]})
    assert world.reason("tell") == "InvalidParameters"
    assert "item 1" in world.run.records["tell"].message


def test_the_node_itself_is_not_tried_again() -> None:
    failed = Result(AttemptState.FAILED, reason="ItemsFailed")
    world = play(
        graph({**TELL, "retry": {"limit": 3, "reasons": ["Failed"]}}),
        {"names": ["ana"]},
        tell=failed,
    )
    assert (world.phase("tell"), world.reason("tell")) == ("Failed", "ItemsFailed")
    assert len(world.jobs) == 1
    assert world.now == START + 1


CHILDREN: dict[str, Any] = {
    "name": "each",
    "workflow": {"name": "other", "variables": {"who": "$[[ name ]] $[[ index ]]"}},
    "forEach": {"values": "vars.names", "as": "name", "parallelism": 2},
}
NAMES: dict[str, object] = {"names": ["a", "b", "c", "d", "e"]}


def test_sub_executions_run_so_many_at_once_and_begin_in_their_order() -> None:
    world = play(graph(CHILDREN), NAMES)
    assert world.phase("each") == "Succeeded"
    assert world.started == [f"each[{index}]" for index in range(5)]
    assert world.jobs["each[3]", 1].parameters == {"who": "d 3"}
    begun = [world.jobs[f"each[{index}]", 1].created_at - START for index in range(5)]
    assert begun == [0, 0, 1, 1, 2]
    record = world.run.records["each"]
    assert (record.items, record.completed, record.failed) == (5, "0-4", "")


def scripted_items(failing: set[int], hanging: frozenset[int] = frozenset()) -> Script:
    def script(node: str, _attempt: int) -> Result:
        index = int(node.partition("[")[2].rstrip("]") or -1)
        if index in hanging:
            return HANG
        if index in failing:
            return Result(AttemptState.FAILED, reason="SubWorkflowFailed", message="it is broken")
        return SUCCESS

    return script


def test_failed_items_are_forgiven_up_to_max_failed() -> None:
    forgiving = {**CHILDREN, "forEach": {**CHILDREN["forEach"], "maxFailed": 1}}
    world = World(graph(forgiving), scripted_items({1}), NAMES).play()
    record = world.run.records["each"]
    assert (record.phase, record.completed, record.failed) == ("Succeeded", "0,2-4", "1")


def test_beyond_max_failed_nothing_more_begins_and_what_runs_is_cancelled() -> None:
    world = World(graph(CHILDREN), scripted_items({1}, frozenset({0})), NAMES).play()
    record = world.run.records["each"]
    assert (record.phase, record.reason) == ("Failed", "ItemsFailed")
    assert "item 1: it is broken" in record.message
    assert world.started == ["each[0]", "each[1]"]
    assert [control.index for control in world.controlled][-1] == 0


def test_cancel_and_pause_reach_every_sub_execution() -> None:
    world = World(graph(CHILDREN), scripted_items(set(), frozenset(range(5))), NAMES)
    world.desire(DesiredState.PAUSED, at=5)
    world.desire(DesiredState.RUNNING, at=10)
    world.desire(DesiredState.CANCELLED, at=20)
    world.play()
    assert world.phase("each") == "Cancelled"
    states = {(control.state.value, control.index) for control in world.controlled}
    assert states == {
        (state, index) for state in ("Paused", "Running", "Cancelled") for index in (0, 1)
    }
    assert len(world.jobs) == 2


def test_an_item_that_takes_too_long_is_cancelled_and_counts_as_failed() -> None:
    timed = {**CHILDREN, "timeout": "1m"}
    world = World(graph(timed), scripted_items(set(), frozenset({1})), NAMES).play()
    record = world.run.records["each"]
    assert (record.phase, record.reason, record.failed) == ("Failed", "ItemsFailed", "1")


def test_the_whole_fan_outs_time_is_bounded_too() -> None:
    bounded = {**CHILDREN, "forEach": {**CHILDREN["forEach"], "timeout": "30s"}}
    world = World(graph(bounded), scripted_items(set(), frozenset({0})), NAMES).play()
    assert world.run.records["each"].phase in ("Failed", "TimedOut")
    assert world.now <= START + 35


def test_more_than_five_hundred_items_or_none_make_no_sub_execution() -> None:
    many = play(graph(CHILDREN), {"names": list(range(501))})
    assert many.reason("each") == "TooManyItems"
    none = play(graph(CHILDREN), {"names": []})
    assert none.phase("each") == "Succeeded"
    assert many.jobs == none.jobs == {}
