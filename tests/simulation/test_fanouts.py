"""Fan-outs in virtual time: one Job for all items."""

from __future__ import annotations

from orchestrator.engine.observed import AttemptState
from tests.builders import action, chain, graph
from tests.simulation.test_runs import play
from tests.simulation.world import START, Result

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
