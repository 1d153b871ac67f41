"""What is said of Workflows, Templates and Triggers."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine.definitions import (
    Verdict,
    definition_conditions,
    judge_template,
    judge_trigger,
    judge_workflow,
)
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


def test_a_template_is_judged_by_its_own_rules() -> None:
    assert judge_template(TEMPLATES["task"]).ready
    refused = judge_template({"action": {"args": ["x"]}, "parameters": [{"name": "p"}]})
    assert refused.reason == "InvalidSpec"
    assert "spec.parameters[0].type" in refused.message


def test_a_trigger_is_judged_by_its_own_rules() -> None:
    assert judge_trigger({"workflow": "w", "schedule": {"cron": "0 3 * * *"}}).ready
    nothing = judge_trigger({"workflow": "w"})
    assert "a trigger has exactly one of schedule, execution" in nothing.message
    wrong = judge_trigger(
        {"workflow": "w", "schedule": {"cron": "0 3 * * *"}, "filter": "evnt.x == 1"}
    )
    assert wrong.reason == "InvalidSpec"
    assert "spec.filter: there is no 'evnt'; did you mean 'event'?" in wrong.message


@pytest.mark.parametrize("again", [5.0, 500.0])
def test_a_condition_keeps_its_time_while_it_holds(again: float) -> None:
    verdict = Verdict(True, "Valid", "it can be run")
    first = definition_conditions(verdict, 1, 1.0)
    assert definition_conditions(verdict, 1, again, first) == first
