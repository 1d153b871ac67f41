"""What may run, and what a person is told of what may not."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine.lifecycle.admission import (
    Missing,
    Prepared,
    Refusal,
    actions_of,
    check_start,
    prepare,
    waited_long_enough,
)
from orchestrator.engine.lifecycle.rate_limit import waiting_since
from orchestrator.engine.times import from_rfc3339
from tests.builders import IMAGE, action, template

TASK = template().model_dump(mode="json", by_alias=True, exclude_unset=True)


def prepared(**spec: Any) -> Prepared:
    result = prepare("flow", {"nodes": [action("a")], **spec}, {"task": TASK}, IMAGE)
    assert isinstance(result, Prepared), result
    return result


def execution(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "run", "creationTimestamp": "2026-01-31T12:00:00Z"},
        "spec": {"workflow": "flow", **spec},
    }


def test_a_valid_workflow_is_frozen_with_its_templates() -> None:
    result = prepared()
    assert list(result.graph.nodes) == ["a"]
    assert result.revision.name.startswith("flow-")
    assert result.revision.data["templates"] == {"task": TASK}


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        ({"nodes": []}, "InvalidSpec", "spec.nodes"),
        ({"nodes": [action("a"), action("a")]}, "InvalidSpec", "spec.nodes[1].name"),
        (
            {"nodes": [action("a"), action("b")], "edges": [{"from": "a", "to": "bb"}]},
            "InvalidSpec",
            "spec.edges[0].to",
        ),
        (
            {"nodes": [{"name": "ok", "approval": {"approvers": ["user:ana"], "required": 2}}]},
            "InvalidSpec",
            "spec.nodes[0].approval.required",
        ),
        ({"nodes": [action("a", **{"with": {"texd": "x"}})]}, "InvalidSpec", "text"),
    ],
)
def test_what_cannot_be_valid_is_refused_with_its_path(
    spec: dict[str, Any], reason: str, words: str
) -> None:
    result = prepare("flow", spec, dict.fromkeys(actions_of(spec), TASK), IMAGE)
    assert isinstance(result, Refusal)
    assert result.reason == reason
    assert words in result.message


def test_a_missing_template_is_waited_for_and_named_rightly() -> None:
    spec = {"nodes": [action("a")]}
    result = prepare("flow", spec, {"task": None}, IMAGE)
    assert isinstance(result, Missing)
    assert "spec.nodes[0].action: there is no ClusterTemplate 'task'" in result.message
    assert "local/task" in result.message


def test_the_minute_of_waiting_ends() -> None:
    created = from_rfc3339("2026-01-31T12:00:00Z")
    assert not waited_long_enough(waiting_since(execution()), created + 59)
    assert waited_long_enough(waiting_since(execution()), created + 60)


def test_defaults_are_applied_and_secrets_left_out() -> None:
    variables = [
        {"name": "size", "type": "integer", "default": 3},
        {"name": "token", "type": "secret", "secretKeyRef": {"name": "api", "key": "token"}},
    ]
    assert check_start(execution(), prepared(variables=variables)) == {"size": 3}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "spec.variables.service"),
        ({"service": 7}, "spec.variables.service"),
        ({"service": "x", "serivce": "y"}, "service"),
        ({"service": "x", "token": "stolen"}, "spec.variables.token"),
    ],
)
def test_wrong_variables_are_refused_by_name(given: dict[str, Any], words: str) -> None:
    variables = [
        {"name": "service", "type": "string", "required": True},
        {"name": "token", "type": "secret", "secretKeyRef": {"name": "api", "key": "token"}},
    ]
    result = check_start(execution(variables=given), prepared(variables=variables))
    assert isinstance(result, Refusal)
    assert result.reason == "InvalidVariables"
    assert words in result.message


@pytest.mark.parametrize("state", ["Inactive", "Archived"])
def test_nothing_starts_what_is_not_active(state: str) -> None:
    result = check_start(execution(), prepared(state=state))
    assert isinstance(result, Refusal)
    assert result.reason == "WorkflowNotActive"
    assert state in result.message


def test_a_draft_is_started_by_hand_but_by_no_trigger() -> None:
    draft = prepared(state="Draft")
    by_trigger = execution(trigger={"type": "schedule", "name": "nightly"})
    assert check_start(execution(), draft) == {}
    result = check_start(by_trigger, draft)
    assert isinstance(result, Refusal)
    assert result.reason == "WorkflowNotActive"


def test_variables_are_as_the_status_will_give_them_back() -> None:
    variables = [{"name": "options", "type": "object"}]
    given = {"options": {"gone": None, "half": 1.0, "list": [None, {"gone": None}]}}
    result = check_start(execution(variables=given), prepared(variables=variables))
    assert result == {"options": {"gone": None, "half": 1, "list": [None, {"gone": None}]}}


def test_a_draft_is_started_by_a_parent_whatever_started_that() -> None:
    child = execution(trigger={"type": "schedule", "name": "nightly"}, parent={"name": "p"})
    assert check_start(child, prepared(state="Draft")) == {}


def test_a_workflow_that_no_execution_could_name_is_refused() -> None:
    result = prepare("a.b.c-d", {"nodes": [{"name": "a", "delay": "1s"}]}, {}, "runner")
    assert isinstance(result, Refusal)
    assert result.reason == "InvalidSpec"
    assert result.message.endswith("without dots; write 'a-b-c-d'")
