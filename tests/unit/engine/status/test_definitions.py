"""What is said of Workflows and Templates."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine.status.definitions import (
    Verdict,
    definition_conditions,
    judge_template,
    judge_workflow,
)
from orchestrator.models.reasons import Reason
from orchestrator.validation.missing import Known
from tests.builders import IMAGE, action, template

TEMPLATES = {"task": template().model_dump(mode="json", by_alias=True, exclude_unset=True)}


def judged(
    spec: dict[str, Any], templates: dict[str, dict[str, Any] | None] | None = None
) -> Verdict:
    return judge_workflow("w", spec, {**TEMPLATES, **(templates or {})}, IMAGE)


def states(verdict: Verdict) -> dict[str, str]:
    return {item["type"]: item["status"] for item in definition_conditions(verdict, 1, 0.0)}


def test_a_workflow_that_can_run_is_ready() -> None:
    verdict = judged({"nodes": [action("a")]})
    assert verdict.reason == "Valid"
    assert states(verdict) == {"Ready": "True", "Reconciling": "False", "Stalled": "False"}


def test_an_invalid_workflow_is_stalled_with_the_path() -> None:
    verdict = judged({"nodes": [action("a")], "edges": [{"from": "a", "to": "b"}]})
    assert verdict.reason == "InvalidSpec"
    assert "spec.edges[0].to" in verdict.message
    assert states(verdict) == {"Ready": "False", "Reconciling": "False", "Stalled": "True"}


def test_a_missing_template_is_waited_for() -> None:
    verdict = judged({"nodes": [{"name": "a", "action": "local/x"}]}, {"local/x": None})
    assert verdict.reason == "TemplateNotFound"
    assert states(verdict) == {"Ready": "False", "Reconciling": "True", "Stalled": "False"}


def test_a_missing_action_or_sub_workflow_is_named_with_its_path_and_the_nearest() -> None:
    spec = {
        "nodes": [{"name": "a", "action": "tsak"}, {"name": "b", "workflow": {"name": "deply"}}]
    }
    known = Known(actions=["task"], workflows=["deploy"])
    missing = judge_workflow("w", spec, {"tsak": None}, IMAGE, {}, known)
    assert missing.message == (
        "spec.nodes[0].action: there is no ClusterTemplate 'tsak'; did you mean 'task'?"
    )
    absent = judge_workflow("w", spec, {"tsak": None}, IMAGE, {"deply": None}, known)
    assert absent.message == (
        "spec.nodes[1].workflow.name: there is no Workflow 'deply' in this namespace; did you mean"
        " 'deploy'?"
    )


def test_what_a_sub_workflow_lacks_is_named_in_it() -> None:
    spec = {"nodes": [{"name": "a", "workflow": {"name": "child"}}]}
    child = {"nodes": [{"name": "b", "action": "tsak"}]}
    missing = judge_workflow("w", spec, {"tsak": None}, IMAGE, {"child": child})
    assert missing.message.startswith(
        "workflow child: spec.nodes[0].action: there is no ClusterTemplate 'tsak'"
    )


def test_a_likely_mistake_is_a_warning_and_leaves_the_object_ready() -> None:
    variables = [{"name": "x", "type": "string"}]
    node = {"name": "a", "fail": "{{ vars.x }} failed"}
    workflow = judged({"variables": variables, "nodes": [node]})
    template = judge_template({**TEMPLATES["task"], "action": {"script": {"source": "$[[ x ]]"}}})
    assert states(workflow)["Ready"] == states(template)["Ready"] == "True"
    assert workflow.message == (
        "it can be run; warning: spec.nodes[0].fail: '{{ vars.x }}' is plain text; for its value"
        " write `$[[ vars.x ]]`"
    )
    assert "; warning: spec.action.script.source: " in template.message


def test_a_template_is_judged_by_its_own_rules() -> None:
    assert judge_template(TEMPLATES["task"]).ready
    refused = judge_template({"action": {"args": ["x"]}, "parameters": [{"name": "p"}]})
    assert refused.reason == "InvalidSpec"
    assert "spec.parameters[0].type" in refused.message


@pytest.mark.parametrize("again", [5.0, 500.0])
def test_a_condition_keeps_its_time_while_it_holds(again: float) -> None:
    verdict = Verdict(True, Reason.VALID, "it can be run")
    first = definition_conditions(verdict, 1, 1.0)
    assert definition_conditions(verdict, 1, again, first) == first
