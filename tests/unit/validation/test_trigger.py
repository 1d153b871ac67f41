"""Triggers that are refused for what they would cost."""

from __future__ import annotations

import pytest

from orchestrator.models.trigger import TriggerSpec
from orchestrator.triggers.plan import Failed, plan
from orchestrator.triggers.registry import REGISTRY
from orchestrator.triggers.sources import Event
from orchestrator.validation.trigger import validate_trigger

METADATA = {"name": "nightly", "namespace": "shop", "uid": "1"}


def trigger(**fields: object) -> TriggerSpec:
    return REGISTRY.spec.model_validate(
        {"workflow": "deploy", "execution": {"workflow": "build"}, **fields}
    )


def problems(spec: TriggerSpec) -> list[str]:
    return [str(problem) for problem in validate_trigger(spec, REGISTRY.types)]


def test_the_expressions_of_a_trigger_have_at_most_sixteen_kilobytes() -> None:
    texts = [f"$[[ event.outputs.a{number:04} ]]" for number in range(1_000)]
    assert problems(trigger(variables={"a": texts})) == [
        "spec: has 26,000 characters of expressions; at most 16,384"
    ]
    literal = ["x" * 64] * 1_000
    assert problems(trigger(variables={"a": [*texts[:600], *literal]})) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"filter": "event.fase == 'Failed'"},
            "spec.filter: event has no key 'fase'; did you mean 'phase'?",
        ),
        (
            {"variables": {"slots": ["$[[ event.startdAt ]]"]}},
            "spec.variables.slots[0]: event has no key 'startdAt'; did you mean 'startedAt'?",
        ),
        (
            {"payload": "{'a': event.zone}"},
            "spec.payload: event has no key 'zone'; there is name, uid, workflow, phase, reason,"
            " message, outputs, requester, startedAt, finishedAt",
        ),
        (
            {"dedupe": {"key": "event.name.short", "window": "1h"}},
            "spec.dedupe.key: event.name has no keys: it is a single value",
        ),
        (
            {"filter": "trigger.nam == 'a'"},
            "spec.filter: trigger has no key 'nam'; did you mean 'name'?",
        ),
    ],
)
def test_what_the_event_does_not_have_is_refused_with_the_nearest(
    fields: dict[str, object], said: str
) -> None:
    assert problems(trigger(**fields)) == [said]


def test_what_an_event_holds_of_any_shape_may_be_read() -> None:
    reads = {"filter": "event.outputs.count > event['outputs'].list[0].x", "payload": "event"}
    assert problems(trigger(**reads)) == []


def test_of_a_trigger_with_two_types_only_that_is_said() -> None:
    both = trigger(schedule={"cron": "0 3 * * *"}, filter="event.scheduledAt == event.phase")
    (problem,) = problems(both)
    assert problem.startswith("spec: a trigger has exactly one of schedule, ")
    assert problem.endswith("; this one has schedule and execution")


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
