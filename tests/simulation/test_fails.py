"""The node kind `fail`: what was handled is a failure all the same."""

from __future__ import annotations

import pytest
import yaml

from orchestrator.engine.graph import compile_graph
from orchestrator.expressions import SecretValue
from orchestrator.models.workflow import WorkflowSpec
from tests.builders import IMAGE, action, chain, edge, graph, template
from tests.kube import ROOT
from tests.simulation.scripts import play, scripted
from tests.simulation.world import FAILURE, Result, World

ROLLBACK = [
    action("deploy"),
    action("verify"),
    action("rollback"),
    {"name": "rolled_back", "fail": "rolled back: $[[ nodes.deploy.message ]]"},
]
ROLLBACK_EDGES = [
    edge("deploy", "verify"),
    edge("deploy", "rollback", "Failed"),
    edge("verify", "rollback", "Failed"),
    edge("rollback", "rolled_back"),
]


def ending(world: World) -> tuple[str, str, str]:
    assert world.ending is not None
    return world.ending.phase.value, world.ending.reason, world.ending.message


def test_a_deployment_that_was_rolled_back_is_failed() -> None:
    world = play(graph(*ROLLBACK, edges=ROLLBACK_EDGES), deploy=FAILURE)
    assert world.phases["rollback"] == "Succeeded"
    assert world.reason("rolled_back") == "FailNode"
    phase, reason, message = ending(world)
    assert (phase, reason) == ("Failed", "NodeFailed")
    assert message == "rolled_back Failed: rolled back: exit code 1"
    assert world.started == ["deploy", "rollback"]


def test_a_deployment_that_was_not_rolled_back_is_a_success() -> None:
    world = play(graph(*ROLLBACK, edges=ROLLBACK_EDGES))
    assert world.phases["rolled_back"] == "Skipped"
    assert ending(world)[0] == "Succeeded"


def test_the_example_of_a_rollback_ends_failed() -> None:
    raw = yaml.safe_load((ROOT / "manifests/examples/errors.yaml").read_text())
    for node in raw["spec"]["nodes"]:
        node.pop("with", None)  # the parameters of another action than the builders'
    spec = WorkflowSpec.model_validate(raw["spec"])
    compiled = compile_graph(spec, {"run-script": template()}, IMAGE)
    world = World(compiled, scripted(deploy=FAILURE, optional=FAILURE)).play()
    assert world.phases["rolled_back"] == "Failed"
    assert "the deployment was rolled back" in ending(world)[2]


@pytest.mark.parametrize("policy", ["Stop", "Cancel"])
@pytest.mark.parametrize("forgetful", [True, False])
@pytest.mark.parametrize("first", ["bad", "other"])
def test_it_stops_the_rest_before_anything_else_starts(
    policy: str, forgetful: bool, first: str
) -> None:
    """Whatever the order in the manifest, and whether the operator has just restarted."""
    both = {"bad": {"name": "bad", "fail": "no"}, "other": action("other")}
    names = [first, *(name for name in both if name != first)]
    compiled = graph(
        action("a"),
        *(both[name] for name in names),
        action("handler"),
        edges=[*chain("a", "bad"), *chain("a", "other"), edge("bad", "handler", "Always")],
        onFailure=policy,
    )
    world = World(compiled, scripted(), forgetful=forgetful).play()
    assert world.started == ["a"]
    assert world.phases["other"] == world.phases["handler"] == "Cancelled"


def test_a_failed_edge_and_allow_failure_handle_it() -> None:
    handled = graph(
        {"name": "no", "fail": "no"}, action("handler"), edges=[edge("no", "handler", "Failed")]
    )
    assert ending(play(handled))[0] == "Succeeded"
    assert ending(play(graph({"name": "no", "fail": "no", "allowFailure": True})))[0] == "Succeeded"
    assert ending(play(graph({"name": "no", "fail": "no", "when": "false"})))[0] == "Succeeded"


def test_it_fails_the_execution_from_finally() -> None:
    compiled = graph(
        action("a", allowFailure=True),
        {
            "name": "judge",
            "fail": "a came to $[[ nodes.a.phase ]]",
            "when": "nodes.a.phase != 'Succeeded'",
        },
        finally_=["judge"],
    )
    assert ending(play(compiled))[0] == "Succeeded"
    assert ending(play(compiled, a=FAILURE))[2] == "judge Failed: a came to Failed"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("plain", "plain"),
        ("$[[ vars.items ]]", "[1,null]"),
        ("$[[ vars.count ]] of $[[ vars.items | length ]]", "3 of 2"),
        ("$[[ nodes.a.outputs.value ]]", "7"),
        ("é" * 300, "é" * 126 + "…"),
    ],
)
def test_its_message_may_hold_expressions(text: str, message: str) -> None:
    compiled = graph(action("a"), {"name": "no", "fail": text}, edges=chain("a", "no"))
    variables = {"items": [1, None], "count": 3}
    world = play(compiled, variables, a=Result(outputs={"value": 7}))
    assert world.run.records["no"].message == message


@pytest.mark.parametrize("text", ["$[[ vars.token ]]", "it is $[[ vars.token ]]", "$[[ vars.x ]]"])
def test_an_expression_that_fails_and_a_secret_are_errors(text: str) -> None:
    world = play(graph({"name": "no", "fail": text}), {"token": SecretValue("s", "k")})
    assert (world.phase("no"), world.reason("no")) == ("Failed", "ExpressionError")
    assert world.run.records["no"].message.startswith("spec.nodes[0].fail: ")
