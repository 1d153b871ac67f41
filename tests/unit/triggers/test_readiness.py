"""What is said of Triggers: judged by their own rules, and against the Workflow that they start."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine.status.definitions import Verdict
from orchestrator.triggers.readiness import judge_trigger
from orchestrator.triggers.registry import REGISTRY

NIGHTLY: dict[str, Any] = {"workflow": "w", "schedule": {"cron": "0 3 * * *"}}
WORKFLOW: dict[str, Any] = {
    "variables": [
        {"name": "service", "type": "string", "required": True},
        {"name": "attempts", "type": "integer", "default": 3},
        {"name": "token", "type": "secret", "secretKeyRef": {"name": "api", "key": "token"}},
    ],
    "nodes": [{"name": "a", "delay": "1s"}],
}


def judged(against: dict[str, Any] | None, others: tuple[str, ...] = (), **fields: Any) -> Verdict:
    return judge_trigger(REGISTRY, {**NIGHTLY, **fields}, against, others)


def test_a_trigger_is_judged_by_its_own_rules() -> None:
    nothing = judge_trigger(REGISTRY, {"workflow": "w"}, WORKFLOW)
    assert nothing.reason == "InvalidSpec"
    assert "a trigger has exactly one of schedule, " in nothing.message
    wrong = judged(WORKFLOW, filter="evnt.x == 1")
    assert wrong.reason == "InvalidSpec"
    assert "spec.filter: there is no 'evnt'; did you mean 'event'?" in wrong.message


def test_a_trigger_that_gives_its_workflow_what_it_takes_is_ready() -> None:
    ready = judged(WORKFLOW, variables={"service": "$[[ event.timeZone ]]", "attempts": 1})
    assert (ready.ready, ready.reason) == (True, "Valid")
    suspended = judged(WORKFLOW, variables={"service": "shop"}, suspend=True)
    assert (suspended.ready, suspended.message) == (True, "suspended")


def test_a_likely_mistake_is_a_warning_and_leaves_the_trigger_ready() -> None:
    given = {"service": "shop"}
    doubted = judged(WORKFLOW, schedule={"cron": "*/90 * * * *"}, variables=given)
    assert doubted.ready
    assert "ready to start executions; warning: spec.schedule.cron: '*/90'" in doubted.message


def test_a_workflow_that_does_not_exist_is_waited_for_and_the_nearest_proposed() -> None:
    missing = judged(None, ("backup", "deploy"), workflow="bakcup")
    assert (missing.ready, missing.reason, missing.waiting) == (False, "WorkflowNotFound", True)
    assert missing.message == (
        "spec.workflow: there is no Workflow 'bakcup' in this namespace; did you mean 'backup'?"
    )
    assert judged(None).message.endswith("; apply it, or correct the name")


@pytest.mark.parametrize("state", ["Draft", "Inactive", "Archived"])
def test_a_workflow_that_no_trigger_may_start_is_named_with_the_fix(state: str) -> None:
    verdict = judged({**WORKFLOW, "state": state}, variables={"service": "shop"})
    assert (verdict.ready, verdict.reason, verdict.waiting) == (False, "WorkflowNotActive", False)
    assert f"the Workflow's state is {state}" in verdict.message
    assert verdict.message.endswith("; set spec.state of Workflow w to Active")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"servce": "shop"},
            "spec.variables.servce: Workflow w has no variable 'servce'; did you mean 'service'?; "
            "spec.variables.service: is required: Workflow w's variable service has no default",
        ),
        (None, "spec.variables.service: is required: Workflow w's variable service has no default"),
        (
            {"service": "shop", "attempts": "many"},
            'spec.variables.attempts: must be an integer, not a string ("many")',
        ),
        (
            {"service": "shop", "token": "x"},
            "spec.variables.token: is a secret of Workflow w, which gets it from its own"
            " secretKeyRef",
        ),
    ],
)
def test_variables_that_the_workflow_does_not_take_are_named(
    variables: dict[str, Any] | None, said: str
) -> None:
    verdict = judged(WORKFLOW, variables=variables)
    assert (verdict.ready, verdict.reason, verdict.waiting) == (False, "InvalidVariables", False)
    assert verdict.message == said


HOOK: dict[str, Any] = {
    "workflow": "w",
    "webhook": {"bearer": {"secrets": [{"name": "hooks", "key": "token"}]}},
}


def received(condition: dict[str, Any] | None, spec: dict[str, Any] = HOOK) -> Verdict:
    given = {**spec, "variables": {"service": "shop"}}
    return judge_trigger(REGISTRY, given, WORKFLOW, (), condition)


def test_what_the_receiver_takes_is_ready_once_it_does() -> None:
    without = received(None)
    assert (without.ready, without.waiting, without.reason) == (False, True, "NotReceived")
    assert "is the receiver installed?" in without.message
    command = "allow it with: orchestrator trigger grant"
    forbidden = {"status": "False", "reason": "SecretForbidden", "message": command}
    verdict = received(forbidden)
    assert (verdict.ready, verdict.waiting) == (False, True)
    assert (verdict.reason, verdict.message) == ("SecretForbidden", command)
    assert received({"status": "False", "reason": "Unknown"}).reason == "NotReceived"
    assert received({"status": "True", "reason": "Received"}).ready


def test_what_the_operator_drives_needs_no_receiver() -> None:
    assert received(None, NIGHTLY).ready


def test_its_own_faults_come_before_those_of_the_receiver() -> None:
    assert judge_trigger(REGISTRY, HOOK, WORKFLOW, (), None).reason == "InvalidVariables"
