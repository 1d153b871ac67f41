"""Executions to create: what people ask for is checked, and all are built alike."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine.status.execution_status import run_from
from orchestrator.engine.trace_context import execution_trace
from orchestrator.models.base import API_VERSION
from orchestrator.models.execution import ExecutionSpec
from orchestrator.operations.errors import Cause, CommandError
from orchestrator.operations.start import (
    execution_manifest,
    start_child,
    start_for_trigger,
    start_workflow,
)
from orchestrator.triggers.plan import PlannedExecution, execution_name, plan
from orchestrator.triggers.registry import REGISTRY
from orchestrator.triggers.sources import Event
from tests.unit.operations.builders import execution, graph_of, problem_of, workflow

VARIABLES: list[dict[str, Any]] = [
    {"name": "service", "type": "string", "required": True, "pattern": "[a-z]+"},
    {"name": "attempts", "type": "integer", "maximum": 10},
    {"name": "token", "type": "secret", "secretKeyRef": {"name": "api", "key": "token"}},
]


def test_a_started_workflow_is_an_execution_in_the_requesters_name() -> None:
    body = start_workflow(workflow(variables=VARIABLES), {"service": "web"}, requester="ana")
    assert body == {
        "apiVersion": API_VERSION,
        "kind": "WorkflowExecution",
        "metadata": {"generateName": "flow-"},
        "spec": {"workflow": "flow", "variables": {"service": "web"}, "requester": "ana"},
    }
    assert ExecutionSpec.model_validate(body["spec"]).requester == "ana"


def test_an_execution_may_have_a_name_and_needs_neither_variables_nor_a_requester() -> None:
    body = start_workflow(workflow(), {}, requester="", name="first")
    assert body["metadata"] == {"name": "first"}
    assert body["spec"] == {"workflow": "flow"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "service: is required"),
        ({"service": "web", "atempts": 1}, "did you mean 'attempts'?"),
        ({"service": "web", "attempts": 11}, "attempts: "),
        ({"service": "web", "token": "x"}, "token: is a secret"),
    ],
)
def test_variables_that_the_operator_would_refuse_are_refused(
    values: dict[str, Any], said: str
) -> None:
    with pytest.raises(CommandError) as error:
        start_workflow(workflow(variables=VARIABLES), values, requester="ana")
    assert error.value.path.startswith("spec.variables.")
    assert error.value.words.startswith("invalid variables of flow:\n")
    assert said in error.value.words


def test_a_workflow_we_do_not_understand_is_left_to_the_operator() -> None:
    newer = workflow(nodes=[{"name": "a", "fromTheFuture": 1}])
    assert start_workflow(newer, {"x": 1}, requester="")["spec"]["variables"] == {"x": 1}


@pytest.mark.parametrize("state", ["Inactive", "Archived"])
def test_a_workflow_that_is_not_active_is_not_started(state: str) -> None:
    with pytest.raises(CommandError) as error:
        start_workflow(workflow(state=state), {}, requester="ana")
    assert error.value.cause is Cause.CONFLICT
    said = f"Workflow flow is {state} and cannot be started; set spec.state to Active"
    assert problem_of(error) == ("spec.workflow", said, "")


def test_a_workflow_that_the_operator_found_invalid_is_not_started() -> None:
    ready = {"type": "Ready", "observedGeneration": 1, "reason": "InvalidSpec", "message": "no"}
    judged = {**workflow(), "status": {"conditions": [ready]}}
    with pytest.raises(CommandError, match="flow is not valid, so nothing was started") as error:
        start_workflow(judged, {}, requester="ana")
    assert error.value.cause is Cause.INVALID_WORKFLOW
    of_an_earlier_generation = {**ready, "observedGeneration": 0}
    judged["status"] = {"conditions": [of_an_earlier_generation]}
    assert start_workflow(judged, {}, requester="ana")


def test_fields_that_are_none_are_left_out_and_empty_ones_are_kept() -> None:
    body = execution_manifest(
        {"workflow": "flow", "variables": {}, "requester": None}, name="x", labels={}
    )
    assert body["spec"] == {"workflow": "flow", "variables": {}}
    assert body["metadata"] == {"name": "x", "labels": {}}


def of_an_event(**spec: Any) -> PlannedExecution:
    read = REGISTRY.spec.model_validate({"workflow": "flow", "execution": {}, **spec})
    trigger = {"name": "after", "namespace": "default", "uid": "uid-after"}
    planned = plan(trigger, read, Event("execution", "event-1", {"x": 1}, 0.0))
    assert isinstance(planned, PlannedExecution)
    return planned


def test_what_a_trigger_starts_has_the_name_of_its_event() -> None:
    body = start_for_trigger(of_an_event(variables={"service": "$[[ trigger.name ]]"}))
    assert body["metadata"]["name"] == execution_name("after", "uid-after", "event-1")
    assert body["metadata"]["namespace"] == "default"
    assert body["spec"]["variables"] == {"service": "after"}
    assert body["spec"]["trigger"]["event"] == {"x": 1}
    assert ExecutionSpec.model_validate(body["spec"]).trigger is not None


def test_each_salt_is_another_name_and_none_leaves_it_to_the_api_server() -> None:
    started = of_an_event()
    names = {start_for_trigger(started, salt=salt)["metadata"]["name"] for salt in range(5)}
    assert len(names) == 5
    drawn = start_for_trigger(started, salt=None)["metadata"]
    assert "name" not in drawn
    assert drawn["generateName"].startswith("after-")


def child_of(spec: dict[str, Any], **trust: Any) -> dict[str, Any]:
    graph = graph_of({"nodes": [{"name": "child", "transform": {"x": "1"}}]})
    raw = execution(spec=spec, revision="flow-1", startedAt="2026-11-28T12:00:00Z", **trust)
    return start_child(run_from(raw, graph), "child", "inner", {"x": 1}, "run-child-1")


def test_a_sub_execution_continues_the_trace_of_its_parent() -> None:
    graph = graph_of({"nodes": [{"name": "child", "transform": {"x": "1"}}]})
    raw = execution(spec={}, revision="flow-1", startedAt="2026-11-28T12:00:00Z")
    parent = execution_trace(raw["metadata"])
    body = start_child(run_from(raw, graph), "child", "inner", {}, "run-child-1", parent)
    child = execution_trace({**body["metadata"], "uid": "uid-child"})
    assert child.parent == parent.node("child")
    assert child.span.trace_id == parent.span.trace_id
    assert "annotations" not in child_of({})["metadata"]


def test_a_sub_execution_is_owned_by_its_parent_and_in_the_same_name() -> None:
    body = child_of({"requester": "ana"})
    assert body["metadata"]["name"] == "run-child-1"
    assert body["metadata"]["ownerReferences"] == [
        {
            "apiVersion": API_VERSION,
            "kind": "WorkflowExecution",
            "name": "run",
            "uid": "uid-run",
        }
    ]
    assert body["spec"] == {
        "workflow": "inner",
        "variables": {"x": 1},
        "parent": {"name": "run", "uid": "uid-run", "node": "child", "depth": 1},
        "requester": "ana",
    }


def test_a_sub_execution_has_no_requester_if_its_parents_is_not_trusted() -> None:
    trigger = {"type": "schedule", "name": "nightly", "depth": 0}
    doubted = {"trust": {"requesterUnknown": True}}
    spec = child_of({"requester": "ana", "trigger": trigger}, **doubted)["spec"]
    assert "requester" not in spec
    assert spec["trigger"] == {**trigger, "requester": ""}
