"""How nodes start: their edges, their `when`, and the kinds that end at once."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine.decisions import CreateChild, CreateJob
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.status.records import Cancelling, Record
from orchestrator.models.execution import DesiredState, NodePhase
from orchestrator.models.reasons import Reason
from tests.builders import action, chain, edge, graph
from tests.engine import FAILED, NOW, SUCCEEDED, decide


def started(node: dict[str, Any], **variables: Any) -> Record:
    return decide(graph(node), variables=variables).records[node["name"]]


@pytest.mark.parametrize(("yes", "result"), [(True, True), (False, False)])
def test_a_condition_succeeds_whichever_way_it_falls(yes: bool, result: bool) -> None:
    record = started({"name": "c", "condition": "vars.yes"}, yes=yes)
    assert (record.phase, record.outputs) == (NodePhase.SUCCEEDED, {"result": result})
    assert record.started_at == record.finished_at == NOW


def test_a_transform_gives_what_its_expressions_come_to() -> None:
    record = started({"name": "t", "transform": {"x": "vars.n + 1", "y": "[vars.n]"}}, n=1)
    assert record.outputs == {"x": 2, "y": [1]}


@pytest.mark.parametrize(
    ("value", "message"), [("no", "no"), ("$[[ vars.n ]]", "1"), ("n is $[[ vars.n ]]", "n is 1")]
)
def test_a_fail_node_fails_with_its_message(value: str, message: str) -> None:
    record = started({"name": "f", "fail": value}, n=1)
    assert (record.phase, record.reason, record.message) == (
        NodePhase.FAILED,
        Reason.FAIL_NODE,
        message,
    )


@pytest.mark.parametrize(
    ("node", "path"),
    [
        ({"name": "n", "condition": "vars.none"}, "condition"),
        ({"name": "n", "condition": "'text'"}, "condition"),
        ({"name": "n", "transform": {"x": "vars.none"}}, "transform.x"),
        ({"name": "n", "fail": "$[[ vars.none ]]"}, "fail"),
        (action("n", when="vars.none"), "when"),
        (action("n", **{"with": {"text": "$[[ vars.none ]]"}}), "with"),
        (
            {"name": "n", "workflow": {"name": "o", "variables": {"x": "$[[ vars.none ]]"}}},
            "workflow.variables",
        ),
    ],
)
def test_an_expression_that_cannot_be_computed_fails_its_node_with_the_path(
    node: dict[str, Any], path: str
) -> None:
    record = started(node)
    assert (record.phase, record.reason) == (NodePhase.FAILED, Reason.EXPRESSION_ERROR)
    assert record.message.startswith(f"spec.nodes[0].{path}: ")


def test_parameters_that_do_not_fit_fail_the_node_and_create_nothing() -> None:
    decided = decide(graph(action("a", **{"with": {"count": "$[[ 'x' ]]"}})))
    assert decided.records["a"].reason == Reason.INVALID_PARAMETERS
    assert (decided.before, decided.after) == ((), ())


def test_an_action_is_given_its_parameters_and_a_sub_workflow_its_variables() -> None:
    text = {"with": {"text": "$[[ vars.n ]]!"}}
    sub = {"name": "s", "workflow": {"name": "o", "variables": {"x": "$[[ vars.n ]]"}}}
    decided = decide(graph(action("a", **text), sub), variables={"n": 1})
    assert decided.before == (CreateJob("a", 1, {"text": "1!"}),)
    assert decided.after == (CreateChild("s", 1, {"x": 1}),)


def test_when_false_skips_a_node_and_blocks_nothing() -> None:
    compiled = graph(action("a", when="vars.yes"), action("b"), edges=chain("a", "b"))
    decided = decide(compiled, variables={"yes": False})
    assert decided.records["a"].reason == Reason.BRANCH_NOT_CHOSEN
    assert decided.records["a"].message == "when is false: vars.yes"
    assert decided.records["b"].reason == Reason.BRANCH_NOT_CHOSEN


def test_a_node_whose_sources_did_not_succeed_is_blocked_and_names_one() -> None:
    compiled = graph(action("a"), action("b"), action("c"), edges=chain("a", "b", "c"))
    decided = decide(compiled, {"a": FAILED})
    assert decided.records["b"].message == "a Failed"
    assert decided.records["c"].message == "b is blocked"
    assert {record.reason for record in decided.records.values()} == {Reason.BLOCKED}


def test_an_edge_whose_when_cannot_be_computed_fails_the_node_that_it_leads_to() -> None:
    compiled = graph(action("a"), action("b"), edges=[edge("a", "b", when="vars.none")])
    record = decide(compiled, {"a": SUCCEEDED}).records["b"]
    assert record.phase is NodePhase.FAILED
    assert record.message.startswith("spec.edges[0].when: ")


def test_what_was_created_before_a_crash_is_adopted_and_not_created_again() -> None:
    found = Attempt(AttemptState.RUNNING, job="j")
    decided = decide(graph(action("a")), observed={("a", 1): found})
    assert (decided.records["a"].job, decided.records["a"].attempts) == ("j", 1)
    assert (decided.before, decided.after) == ((), ())


@pytest.mark.parametrize("state", list(DesiredState))
def test_only_a_running_execution_starts_anything(state: DesiredState) -> None:
    decided = decide(graph(action("a")), desired_state=state)
    assert bool(decided.before) is (state is DesiredState.RUNNING)


def test_what_has_not_started_ends_with_the_cause_of_the_end() -> None:
    cause = Cancelling(NOW, Reason.FAILURE_STOPPED, "b failed")
    record = decide(graph(action("a"), action("b")), {"b": FAILED}, cancelling=cause).records["a"]
    assert (record.phase, record.reason) == (NodePhase.CANCELLED, Reason.FAILURE_STOPPED)
    assert record.finished_at == NOW


def test_a_sub_execution_that_exists_is_stopped_before_its_node_ends() -> None:
    compiled = graph({"name": "s", "workflow": {"name": "o"}})
    cause = Cancelling(NOW, Reason.CANCEL_REQUESTED, "the execution was cancelled")
    seen = {("s", 1): Attempt(AttemptState.RUNNING, execution="e")}
    decided = decide(compiled, observed=seen, cancelling=cause)
    assert decided.records["s"].execution == "e"
    assert not decided.records["s"].phase.terminal
