"""What a workflow's expressions cost: too much ends a node with a reason, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine import expression_budgets
from orchestrator.engine.concurrency.slots import claim_of
from tests.builders import action, edge, graph
from tests.simulation.scripts import scripted
from tests.simulation.world import World

COSTLY = "vars.objects | unique | length > 0"
VARIABLES = {"objects": [{"a": number, "b": [number]} for number in range(4_000)], "few": [1, 2]}
REASON = "ExpressionTooCostly"


def costly(*nodes: dict[str, Any], **fields: Any) -> World:
    """A workflow beside which another node runs, as ever."""
    return World(graph(*nodes, action("beside"), **fields), scripted(), VARIABLES)


NODES: dict[str, dict[str, Any]] = {
    "condition": {"condition": COSTLY},
    "transform": {"transform": {"value": COSTLY}},
    "when": {"action": "task", "when": COSTLY},
    "with": {"action": "task", "with": {"text": f"it is $[[ {COSTLY} ]]"}},
    "values": {"action": "task", "forEach": {"values": f"[{COSTLY}]", "as": "item"}},
    "an item": {
        "action": "task",
        "forEach": {"values": "vars.few", "as": "item"},
        "with": {"text": f"$[[ item ]] $[[ {COSTLY} ]]"},
    },
    "wait.until": {"wait": {"until": COSTLY}},
    "repeat.until": {"action": "task", "repeat": {"until": COSTLY, "limit": 3}},
    "variables": {"workflow": {"name": "other", "variables": {"a": f"$[[ {COSTLY} ]]"}}},
}


@pytest.mark.parametrize("where", NODES)
def test_an_expression_that_is_too_costly_fails_its_node_alone(where: str) -> None:
    world = costly({"name": "a", **NODES[where]}).play()
    assert (world.phase("a"), world.reason("a")) == ("Failed", REASON)
    assert world.phase("beside") == "Succeeded"
    assert "exceeds the budget of 200,000 units" in world.run.records["a"].message


def test_a_costly_when_of_an_edge_fails_its_target() -> None:
    world = costly(action("a"), action("b"), edges=[edge("a", "b", when=COSTLY)]).play()
    assert (world.phase("b"), world.reason("b")) == ("Failed", REASON)


def test_a_costly_output_fails_the_execution() -> None:
    world = costly(outputs=[{"name": "value", "value": COSTLY}]).play()
    assert world.ending is not None
    assert (world.ending.phase, world.ending.reason) == ("Failed", REASON)


def test_a_costly_concurrency_key_refuses_the_execution() -> None:
    world = costly(concurrency={"limit": 1, "key": COSTLY})
    raw = {"metadata": {"creationTimestamp": "2026-11-28T00:00:00Z", "uid": "1"}}
    refusal = claim_of(world.graph, world.run, raw)
    assert refusal is not None
    assert getattr(refusal, "reason", "") == REASON


def many(count: int) -> World:
    """Many conditions, each nearly as costly as one may be."""
    nodes = [{"name": f"c{number}", "condition": COSTLY} for number in range(count)]
    return costly(*nodes)


def test_what_a_pass_cannot_pay_for_fails_as_too_costly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.engine.work.MAX_PASS_WORK", 1_500_000)
    world = many(20).play()
    reasons = [world.reason(f"c{number}") for number in range(20)]
    assert reasons == [REASON] * 7 + ["TooCostly"] * 13
    assert world.ending is not None
    assert world.ending.phase == "Failed"


def failing(*, after: str, **fields: Any) -> World:
    """A failure that an edge with a `when` handles; `after` one of its nodes come conditions that
    use up a pass's budget."""
    costly_ones = [{"name": f"c{n}", "condition": COSTLY, "allowFailure": True} for n in range(12)]
    begins = [{"name": "d", "delay": "1s"}, {"name": "a", "fail": "no"}]
    edges = [edge(after, f"c{n}") for n in range(12)]
    edges += [edge("d", "a"), edge("a", "h", "Failed", when="vars.few | length > 0")]
    handler = action("h", allowFailure=True)
    return costly(*begins, *costly_ones, handler, edges=edges, **fields)


@pytest.mark.parametrize("after", ["d", "h"])
@pytest.mark.parametrize("policy", ["Finish", "Stop", "Cancel"])
def test_a_handled_failure_stays_handled_whatever_the_rest_of_the_pass_costs(
    monkeypatch: pytest.MonkeyPatch, after: str, policy: str
) -> None:
    monkeypatch.setattr("orchestrator.engine.work.MAX_PASS_WORK", 1_500_000)
    outputs = [{"name": "few", "value": "vars.few"}]
    world = failing(after=after, onFailure=policy, outputs=outputs).play()
    assert "TooCostly" in {world.reason(f"c{number}") for number in range(12)}
    assert world.ending is not None
    assert (world.ending.phase, world.ending.reason) == ("Succeeded", "Completed")
    assert world.ending.outputs == {"few": [1, 2]}


def test_what_waits_for_conditions_shares_a_smaller_budget() -> None:
    expression = "vars.objects | map(attribute='a') | sum < 0"
    waits = [{"name": f"w{n}", "wait": {"until": expression}, "timeout": "30s"} for n in range(60)]
    world = costly(*waits).play()
    phases = {world.phase(f"w{number}") for number in range(60)}
    assert phases == {"TimedOut", "Failed"}
    assert {world.reason(f"w{number}") for number in range(60)} == {"TimedOut", "TooCostly"}
    assert expression_budgets.MAX_WAITS_WORK < expression_budgets.MAX_PASS_WORK


def test_a_restart_comes_to_the_same_and_evaluates_nothing_that_has_ended() -> None:
    """The world forgets all but the status before every pass, as a process does that restarts."""
    worlds = [
        World(many(3).graph, scripted(), VARIABLES, forgetful=forgetful).play()
        for forgetful in (True, False)
    ]
    assert worlds[0].phases == worlds[1].phases
    assert {worlds[0].reason(f"c{number}") for number in range(3)} == {REASON}
    assert [world.writes for world in worlds] == [worlds[0].writes] * 2


def test_items_are_not_rendered_beyond_what_a_fan_out_may_hold() -> None:
    big = {"numbers": list(range(1_000)), "text": "x" * 50_000}
    node = action(
        "a",
        forEach={"values": "vars.numbers", "as": "item"},
        **{"with": {"text": "$[[ vars.text ]] $[[ item ]]"}},
    )
    world = World(graph(node), scripted(), big).play()
    assert world.reason("a") == "TooManyItems"
    assert "the first 168 of 1,000 items" in world.run.records["a"].message
