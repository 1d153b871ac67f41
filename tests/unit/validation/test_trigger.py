"""Triggers that are refused for what they would cost."""

from __future__ import annotations

from orchestrator.models.trigger import TriggerSpec
from orchestrator.triggers.starting import Event, Failed, plan
from orchestrator.validation.trigger import validate_trigger

METADATA = {"name": "nightly", "namespace": "shop", "uid": "1"}


def trigger(**fields: object) -> TriggerSpec:
    return TriggerSpec.model_validate(
        {"workflow": "deploy", "execution": {"workflow": "build"}, **fields}
    )


def test_the_expressions_of_a_trigger_have_at_most_sixteen_kilobytes() -> None:
    texts = [f"$[[ event.a{number:04} ]]" for number in range(1_000)]
    problems = [str(problem) for problem in validate_trigger(trigger(variables={"a": texts}))]
    assert problems == ["spec: has 18,000 characters of expressions; at most 16,384"]
    literal = ["x" * 64] * 1_000
    assert validate_trigger(trigger(variables={"a": [*texts[:900], *literal]})) == []


def test_a_costly_filter_counts_as_failed() -> None:
    objects = [{"a": number, "b": [number]} for number in range(4_000)]
    event = Event("execution", "1", {"objects": objects}, 0.0)
    spec = trigger(filter="event.objects | unique | length > 0")
    outcome = plan(METADATA, spec, event)
    assert isinstance(outcome, Failed)
    assert outcome.message.startswith("spec.filter: the expression is too costly")


def test_all_that_a_trigger_evaluates_shares_a_budget() -> None:
    objects = [{"a": number, "b": [number]} for number in range(1_500)]
    event = Event("execution", "1", {"objects": objects}, 0.0)
    texts = ["$[[ event.objects | unique | length ]]"] * 5
    outcome = plan(METADATA, trigger(variables={"a": texts}, payload="{'a': 1}"), event)
    assert isinstance(outcome, Failed)
    assert outcome.message.startswith("spec.variables: too costly")
