"""What is wrong with a manifest, and what another manifest may still put right."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from orchestrator.crds import KINDS
from orchestrator.lint import SPECS, Findings, check_manifest
from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import WorkflowSpec
from orchestrator.triggers.readiness import judge_trigger
from orchestrator.triggers.registry import REGISTRY
from orchestrator.validation.problem import statement
from orchestrator.validation.starting import refused_as_invalid, refused_state, refused_variables
from tests.builders import action, template


@dataclass(frozen=True)
class Around:
    """What there is to refer to."""

    listed: tuple[str, ...] | None = ("deploy",)
    complete: bool = True
    specs: Mapping[str, Any] = field(default_factory=dict)

    def templates(self, spec: WorkflowSpec) -> tuple[Mapping[str, TemplateSpec], bool]:
        del spec
        return {"task": template()}, self.complete

    def workflows(
        self, spec: WorkflowSpec
    ) -> tuple[Mapping[str, WorkflowSpec], Collection[str] | None]:
        del spec
        return {}, self.listed

    def started(self, name: str) -> Mapping[str, Any] | None:
        return self.specs.get(name)

    def names(self) -> Collection[str] | None:
        return self.listed

    def near(self, name: str) -> str:
        return f"; is it {name[:-1]!r}?"


def found(kind: str, spec: Any, name: str = "x") -> list[str]:
    return [str(each) for each in check_manifest(kind, name, spec, Around()).problems]


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_a_spec_that_is_no_object_is_refused_by_its_model(kind: str) -> None:
    assert found(kind, [1]) == ["spec: must be an object, not a list"]
    assert kind in SPECS


def test_what_a_template_may_still_put_right_is_told_apart_and_keeps_its_place() -> None:
    nodes = [action("a"), {"name": "b", "action": "tsak"}, {"name": "a", "condition": "1 +"}]
    findings = check_manifest("Workflow", "x", {"nodes": nodes}, Around())
    paths = [problem.path for problem in findings.problems]
    assert paths == ["spec.nodes[2].name", "spec.nodes[1].action", "spec.nodes[2].condition"]
    assert [problem.path for problem in findings.missing] == ["spec.nodes[1].action"]
    assert findings.warnings == ()


def test_where_templates_cannot_be_listed_an_action_is_unchecked_and_the_rest_is_not() -> None:
    nodes = [{"name": "a", "action": "tsak"}, {"name": "b", "workflow": {"name": "deploi"}}]
    unknown = Around(listed=None, complete=False)
    findings = check_manifest("Workflow", "x", {"nodes": nodes}, unknown)
    assert (findings.problems, findings.missing) == ((), frozenset())
    assert findings.unchecked == ("action tsak", "sub-workflow deploi")
    assert [warning.path for warning in findings.warnings] == [
        "spec.nodes[0].action",
        "spec.nodes[1].workflow.name",
    ]
    nodes.append({"name": "c", "condition": "1 +"})
    findings = check_manifest("Workflow", "x", {"nodes": nodes}, unknown)
    assert [problem.path for problem in findings.problems] == ["spec.nodes[2].condition"]


def test_a_workflow_that_does_not_exist_is_a_warning_with_the_nearest() -> None:
    trigger = {"workflow": "deplyo", "schedule": {"cron": "0 3 * * *"}}
    findings = check_manifest("Trigger", "x", trigger, Around())
    assert findings.problems == ()
    assert [warning.path for warning in findings.warnings] == ["spec.workflow"]
    assert "'deploy'" in findings.warnings[0].message


NIGHTLY = {"workflow": "deploy", "schedule": {"cron": "0 3 * * *"}}
DEPLOY = {"variables": [{"name": "service", "type": "string", "required": True}]}


def test_variables_that_a_triggers_workflow_does_not_take_are_problems_it_may_put_right() -> None:
    around = Around(specs={"deploy": DEPLOY})
    findings = check_manifest("Trigger", "x", {**NIGHTLY, "variables": {"servce": "a"}}, around)
    assert [str(problem) for problem in findings.problems] == [
        "spec.variables.servce: Workflow deploy has no variable 'servce'; did you mean 'service'?",
        "spec.variables.service: is required: Workflow deploy's variable service has no default",
    ]
    assert findings.missing == frozenset(findings.problems)
    fits = {**NIGHTLY, "variables": {"service": "$[[ event.timeZone ]]"}}
    assert check_manifest("Trigger", "x", fits, around).problems == ()


@pytest.mark.parametrize("state", ["Draft", "Inactive"])
def test_a_workflow_that_no_trigger_starts_is_a_warning_with_the_fix(state: str) -> None:
    around = Around(specs={"deploy": {"state": state}})
    findings = check_manifest("Trigger", "x", NIGHTLY, around)
    (warning,) = findings.warnings
    assert findings.problems == ()
    assert str(warning).startswith(f"spec.workflow: the Workflow's state is {state}: ")
    assert str(warning).endswith("; set spec.state of Workflow deploy to Active")


def test_lint_reports_of_a_trigger_what_its_status_will_report() -> None:
    for workflow in (None, {**DEPLOY, "state": "Draft"}, DEPLOY):
        specs = {} if workflow is None else {"deploy": workflow}
        others = ("deploi",) if workflow is None else ("deploy",)
        around = Around(listed=others, specs=specs)
        findings = check_manifest("Trigger", "x", NIGHTLY, around)
        said = [str(each) for each in (*findings.problems, *findings.warnings)]
        assert judge_trigger(REGISTRY, NIGHTLY, workflow, others).message == "; ".join(said)


def test_a_workflow_that_is_not_valid_is_left_to_its_own_findings() -> None:
    around = Around(specs={"deploy": {"variables": 5}})
    assert check_manifest("Trigger", "x", NIGHTLY, around) == Findings()


def test_a_workflow_that_is_not_known_is_unchecked() -> None:
    findings = check_manifest("Trigger", "x", NIGHTLY, Around(listed=None))
    assert findings.unchecked == ("Workflow deploy",)
    assert [str(warning) for warning in findings.warnings] == [
        "spec.workflow: there is no Workflow 'deploy' beside this one; is it 'deplo'?"
    ]


def test_a_name_comes_before_the_spec() -> None:
    assert found("Workflow", {"nodes": 5}, name="a.b")[0].startswith("metadata.name: ")
    assert found("Trigger", {"workflow": 5}, name="a.b")[0].startswith("spec.workflow: ")


def test_a_problem_is_reported_with_its_object() -> None:
    assert statement("Workflow", "x", "spec: wrong") == "Workflow x: spec: wrong"


@pytest.mark.parametrize(("state", "refused"), [("Archived", True), ("Draft", False)])
def test_a_state_in_which_nothing_starts_is_named(state: str, refused: bool) -> None:
    said = refused_state("deploy", {"state": state})
    assert said == (
        f"Workflow deploy is {state} and cannot be started; set spec.state to Active"
        if refused
        else ""
    )


def test_variables_are_refused_by_name() -> None:
    variables = [{"name": "count", "type": "integer"}]
    spec = {"nodes": [{"name": "d", "delay": "1s"}], "variables": variables}
    assert refused_variables("deploy", spec, {"count": 5}) == ""
    said = refused_variables("deploy", spec, {"count": "x", "cuont": 5}).splitlines()
    assert said[0] == "invalid variables of deploy:"
    assert [line.split(":")[0] for line in said[1:]] == ["  cuont", "  count"]
    assert refused_variables("deploy", {"nodes": 5}, {"count": "x"}) == ""


def test_only_a_judgement_of_this_generation_counts() -> None:
    ready = {"type": "Ready", "reason": "InvalidSpec", "message": "spec: is wrong"}
    metadata = {"name": "deploy", "generation": 2}

    def of(**condition: Any) -> str | None:
        conditions = [{**ready, "observedGeneration": 2, **condition}]
        return refused_as_invalid({"metadata": metadata, "status": {"conditions": conditions}})

    assert of() == "Workflow deploy is not valid, so nothing was started:\n  spec: is wrong"
    assert of(reason="TemplateNotFound") == ""
    assert of(observedGeneration=1) is None
    assert refused_as_invalid({"metadata": metadata}) is None
