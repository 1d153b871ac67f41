"""Fan-outs: what they go over, and the sub-executions that begin, are stopped and end them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.children.fan_out import MAX_CHILDREN
from orchestrator.engine.decisions import ControlChild, CreateChild, CreateFanOut, Pass
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.status.records import Record
from orchestrator.models.execution import DesiredState, NodePhase
from orchestrator.models.reasons import Reason
from tests.builders import action, graph
from tests.engine import NOW, decide

EACH = {"values": "vars.names", "as": "name", "parallelism": 2, "gather": ["value"]}
TEXT = {"text": "$[[ index ]]: $[[ name ]]"}
ITEMS = action("fan", forEach=EACH, **{"with": TEXT})
CHILDREN = {
    "name": "fan",
    "workflow": {"name": "other", "variables": {"who": "$[[ name ]]"}},
    "forEach": EACH,
    "timeout": "60s",
}
BEGUN = Record(NodePhase.RUNNING, Reason.SUB_WORKFLOW_CREATED, attempts=1, started_at=NOW, items=3)
WORKS = Attempt(AttemptState.RUNNING, started_at=NOW, execution="e")
DONE = replace(WORKS, state=AttemptState.SUCCEEDED)
FAILED = replace(WORKS, state=AttemptState.FAILED, message="no")


def begun(node: dict[str, Any], names: Any) -> Pass:
    return decide(graph(node), variables={"names": names})


def further(*children: Attempt, now: float = NOW, record: Record = BEGUN, **fields: Any) -> Pass:
    seen = Attempt(AttemptState.RUNNING, children=dict(enumerate(children)))
    observed = {("fan", 1): seen} if children else {}
    variables = {"names": ["a", "b", "c"]}
    return decide(
        graph(CHILDREN), {"fan": record}, observed, now=now, variables=variables, **fields
    )


def indexes(decided: Pass) -> list[int | None]:
    steps = (*decided.before, *decided.after)
    return [step.index for step in steps if isinstance(step, CreateChild)]


# One Job for all items


def test_the_items_of_a_job_are_rendered_beforehand() -> None:
    decided = begun(ITEMS, ["a", "b"])
    assert decided.before == (CreateFanOut("fan", 1, ({"text": "0: a"}, {"text": "1: b"})),)
    assert decided.records["fan"].items == 2


@pytest.mark.parametrize("node", [ITEMS, CHILDREN], ids=["items", "children"])
def test_no_items_are_a_success_without_anything_created(node: dict[str, Any]) -> None:
    decided = begun(node, [])
    record = decided.records["fan"]
    assert (record.phase, record.outputs) == (NodePhase.SUCCEEDED, {"value": []})
    assert (decided.before, decided.after) == ((), ())


@pytest.mark.parametrize("node", [ITEMS, CHILDREN], ids=["items", "children"])
@pytest.mark.parametrize(
    ("names", "words"), [("ana", "must give a list, not text"), ({"a": 1}, "must give a list")]
)
def test_what_is_no_list_fails_the_node_with_its_path(
    node: dict[str, Any], names: object, words: str
) -> None:
    record = begun(node, names).records["fan"]
    assert (record.phase, record.reason) == (NodePhase.FAILED, Reason.EXPRESSION_ERROR)
    assert record.message.startswith("spec.nodes[0].forEach.values: must give a list")
    assert words.split(",")[0] in record.message


def test_an_item_whose_parameters_do_not_fit_is_named_and_none_is_created() -> None:
    node = action("fan", forEach=EACH, **{"with": {"count": "$[[ name ]]"}})
    decided = begun(node, [1, "two"])
    assert decided.records["fan"].reason == Reason.INVALID_PARAMETERS
    assert "item 1: spec.nodes[0].with" in decided.records["fan"].message
    assert (decided.before, decided.after) == ((), ())


def test_items_that_no_config_maps_could_hold_fail_the_node() -> None:
    node = action("fan", forEach=EACH, **{"with": {"text": "$[[ vars.text ]]"}})
    variables = {"names": [1] * 1000, "text": "x" * 9_000}
    record = decide(graph(node), variables=variables).records["fan"]
    assert record.reason == Reason.TOO_MANY_ITEMS
    assert "of 1,000 items are" in record.message


# Sub-executions


def test_as_many_sub_executions_begin_as_may_be_active_at_once() -> None:
    decided = begun(CHILDREN, ["a", "b", "c"])
    assert decided.after == (
        CreateChild("fan", 1, {"who": "a"}, 0),
        CreateChild("fan", 1, {"who": "b"}, 1),
    )


def test_one_begins_for_each_that_ended_in_the_order_of_the_items() -> None:
    assert indexes(further(DONE, WORKS)) == [2]
    assert indexes(further(WORKS, WORKS)) == []
    assert indexes(further(WORKS, DONE, WORKS)) == []


def test_too_many_items_make_no_sub_execution() -> None:
    decided = begun(CHILDREN, [1] * (MAX_CHILDREN + 1))
    assert decided.records["fan"].reason == Reason.TOO_MANY_ITEMS
    assert indexes(decided) == []
    assert len(indexes(begun(CHILDREN, [1] * MAX_CHILDREN))) == 2


def test_variables_that_cannot_be_computed_fail_the_node_and_name_the_item() -> None:
    node = {**CHILDREN, "workflow": {"name": "other", "variables": {"who": "$[[ name.x ]]"}}}
    record = begun(node, [{"x": 1}, {}]).records["fan"]
    assert record.reason == Reason.EXPRESSION_ERROR
    assert "variables: item 1:" in record.message


def test_beyond_the_failures_that_are_forgiven_nothing_begins_and_what_runs_is_cancelled() -> None:
    decided = further(FAILED, WORKS)
    assert decided.after == (ControlChild("fan", 1, DesiredState.CANCELLED, 1),)
    assert decided.records["fan"].phase is NodePhase.RUNNING
    over = further(FAILED, replace(FAILED, message="cancelled"))
    assert over.records["fan"].phase is NodePhase.FAILED
    assert over.records["fan"].message == "2 of 3 items failed, 0 may; item 0: no"


def test_who_terminates_the_execution_terminates_its_sub_executions() -> None:
    decided = further(WORKS, WORKS, desired_state=DesiredState.TERMINATED)
    terminate = DesiredState.TERMINATED
    assert decided.after == tuple(ControlChild("fan", 1, terminate, index) for index in (0, 1))


def test_an_item_that_takes_too_long_is_cancelled_and_the_others_go_on() -> None:
    slow = replace(WORKS, started_at=NOW - 30)
    assert further(slow, WORKS).wake_at == NOW + 30
    decided = further(slow, WORKS, now=NOW + 30)
    assert decided.after == (ControlChild("fan", 1, DesiredState.CANCELLED, 0),)


def test_its_last_item_ends_it_with_what_was_gathered() -> None:
    record = replace(BEGUN, completed="0-1")
    seen = Attempt(AttemptState.RUNNING, children={2: DONE}, outputs={"value": [1, 2, 3]})
    decided = decide(graph(CHILDREN), {"fan": record}, {("fan", 1): seen})
    ended = decided.records["fan"]
    assert (ended.phase, ended.completed) == (NodePhase.SUCCEEDED, "0-2")
    assert ended.outputs == {"value": [1, 2, 3]}
    assert "fan" not in {getattr(step, "node", "") for step in decided.before}


@pytest.mark.parametrize("state", [DesiredState.PAUSED, DesiredState.CANCELLED])
def test_nothing_further_begins_while_paused_or_cancelled(state: DesiredState) -> None:
    assert indexes(further(DONE, WORKS, desired_state=state)) == []


@given(st.lists(st.sampled_from([WORKS, DONE]), max_size=3), st.integers(1, 4))
def test_never_more_run_at_once_than_may(children: list[Attempt], parallelism: int) -> None:
    node = {**CHILDREN, "forEach": {**EACH, "parallelism": parallelism}}
    seen = Attempt(AttemptState.RUNNING, children=dict(enumerate(children)))
    variables = {"names": ["a", "b", "c"]}
    decided = decide(graph(node), {"fan": BEGUN}, {("fan", 1): seen}, variables=variables)
    begins = indexes(decided)
    active = children.count(WORKS)
    assert active + len(begins) <= max(active, parallelism)
    assert not set(begins) & set(range(len(children)))
    if len(children) < 3 and active < parallelism:
        assert begins == list(range(len(children), min(3, len(children) + parallelism - active)))
