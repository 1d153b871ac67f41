"""An ended execution run again: checked by the engine's own rules."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.operations.errors import CommandError
from orchestrator.operations.rerun import check_source, check_workflow, rerun, rerun_with
from tests.unit.operations.builders import execution, graph_of, problem_of, workflow

GRAPH = graph_of(
    {
        "nodes": [{"name": "first", "transform": {"x": "1"}}, {"name": "second", "fail": "no"}],
        "edges": [{"from": "first", "to": "second"}],
    }
)


def source(phase: str = "Failed", **more: Any) -> dict[str, Any]:
    nodes = {
        "first": {"phase": "Succeeded", "outputs": {"x": 1}},
        "second": {"phase": "Failed", "reason": "FailNode"},
    }
    return execution(phase=phase, **{"revision": "flow-1", "nodes": nodes, **more})


def test_it_starts_at_the_nodes_that_ended_badly() -> None:
    body = rerun(source(), GRAPH, [], requester="ana", name="again")
    assert body["metadata"] == {"name": "again"}
    assert body["spec"] == {
        "workflow": "flow",
        "rerunOf": {"name": "run", "from": ["second"]},
        "requester": "ana",
    }


def test_it_starts_at_the_nodes_that_are_named() -> None:
    body = rerun(source(), None, ["first"], requester="")
    assert body["spec"] == {"workflow": "flow", "rerunOf": {"name": "run", "from": ["first"]}}


@pytest.mark.parametrize(
    ("raw", "nodes", "problem"),
    [
        (
            source("Running"),
            [],
            ("spec.rerunOf.name", "run is Running; only an ended execution can be run again", ""),
        ),
        (
            source("Succeeded", nodes={}),
            [],
            ("spec.rerunOf", "all nodes of run succeeded", "name some"),
        ),
        (
            source(revision=None),
            [],
            (
                "spec.rerunOf.name",
                "run ended before it ran anything; start a new execution",
                "",
            ),
        ),
        (
            source(),
            ["frist"],
            ("spec.rerunOf.from[0]", "there is no node 'frist'; did you mean 'first'?", ""),
        ),
    ],
)
def test_what_the_operator_would_refuse_is_refused_with_its_field(
    raw: dict[str, Any], nodes: list[str], problem: tuple[str, str, str]
) -> None:
    with pytest.raises(CommandError) as error:
        rerun(raw, GRAPH, nodes, requester="ana")
    assert problem_of(error) == problem


def test_other_variables_run_everything_again() -> None:
    declared = [{"name": name, "type": "string"} for name in ("where", "count")]
    raw = source(spec={"variables": {"where": "us"}})
    body = rerun_with(raw, workflow(variables=declared), {"count": "3"}, requester="ana")
    assert body["spec"]["variables"] == {"where": "us", "count": "3"}
    assert "rerunOf" not in body["spec"]


def test_a_source_that_goes_on_is_refused_before_its_workflow_is_read() -> None:
    check_source(source())
    with pytest.raises(CommandError, match="run is Pending"):
        check_source(execution(phase=""))


def test_a_workflow_that_is_gone_or_not_startable_is_refused() -> None:
    check_workflow(source(), workflow())
    with pytest.raises(CommandError) as error:
        check_workflow(source(), None)
    said = "Workflow flow no longer exists in namespace default; apply it before you run it again"
    assert problem_of(error) == ("spec.workflow", said, "")
    with pytest.raises(CommandError, match="is Inactive and cannot be started"):
        check_workflow(source(), workflow(state="Inactive"))
