"""What an event starts: in particular, who is behind a chain of triggers."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine.people.initiator import UNKNOWN, initiator_of
from orchestrator.operations.start import start_for_trigger
from orchestrator.triggers.plan import PlannedExecution, plan
from orchestrator.triggers.registry import REGISTRY
from orchestrator.triggers.sources import Event
from orchestrator.triggers.types.execution import event_of

SPEC = REGISTRY.spec.model_validate({"workflow": "next", "execution": {}})


def ended(spec: dict[str, Any], number: int = 0, **status: Any) -> dict[str, Any]:
    """An execution that has succeeded."""
    times = {"finishedAt": "2026-11-28T12:00:00Z"}
    return {
        "metadata": {"name": f"run-{number}", "uid": f"uid-{number}", "namespace": "default"},
        "spec": {"workflow": "build", **spec},
        "status": {"phase": "Succeeded", "revision": "build-1", **times, **status},
    }


def started(event: Event, number: int = 0) -> dict[str, Any]:
    """The spec of the execution that an event starts."""
    trigger = {"name": f"after-{number}", "namespace": "default", "uid": f"trigger-{number}"}
    outcome = plan(trigger, SPEC, event)
    assert isinstance(outcome, PlannedExecution), outcome
    spec: dict[str, Any] = start_for_trigger(outcome)["spec"]
    return spec


def through_triggers(spec: dict[str, Any], count: int) -> dict[str, Any]:
    """The spec at the end of a chain of triggers."""
    for number in range(count):
        spec = started(event_of(ended(spec, number)), number)
    return spec


def test_the_requester_is_handed_down_a_chain_of_three_triggers() -> None:
    last = through_triggers({"requester": "ana"}, 3)
    assert "requester" not in last
    assert last["trigger"]["requester"] == "ana"
    assert last["trigger"]["depth"] == 3
    assert initiator_of(last) == "ana"


def test_an_unnamed_person_stays_unknown_down_the_chain() -> None:
    last = through_triggers({}, 3)
    assert last["trigger"]["requester"] == UNKNOWN
    assert initiator_of(last) == UNKNOWN


def test_a_chain_that_a_schedule_began_has_no_person_behind_it() -> None:
    schedule = started(Event("schedule", "slot", {}, 0.0))
    assert "requester" not in schedule["trigger"]
    last = through_triggers(schedule, 3)
    assert "requester" not in last["trigger"]
    assert initiator_of(last) is None


def test_a_sub_execution_that_ends_hands_down_the_requester_of_its_parent() -> None:
    parent = {"name": "run", "uid": "uid", "node": "gate", "depth": 1}
    assert started(event_of(ended({"requester": "ana", "parent": parent})))["trigger"][
        "requester"
    ] == ("ana")
    inherited = {"type": "execution", "name": "after", "depth": 1, "requester": "bob"}
    of_triggered = started(event_of(ended({"trigger": inherited, "parent": parent})))
    assert of_triggered["trigger"]["requester"] == "bob"


def test_who_runs_it_again_is_behind_what_follows() -> None:
    again = {"requester": "bob", "rerunOf": {"name": "old", "from": ["a"]}}
    assert started(event_of(ended(again)))["trigger"]["requester"] == "bob"


def test_a_payload_that_keeps_nothing_still_names_the_person() -> None:
    spec = REGISTRY.spec.model_validate({"workflow": "next", "execution": {}, "payload": "{}"})
    trigger = {"name": "after", "namespace": "default", "uid": "uid"}
    outcome = plan(trigger, spec, event_of(ended({"requester": "ana"})))
    assert isinstance(outcome, PlannedExecution)
    assert start_for_trigger(outcome)["spec"]["trigger"] == {
        "type": "execution",
        "name": "after",
        "uid": "uid",
        "depth": 1,
        "root": "uid-0",
        "requester": "ana",
    }


def test_the_event_shows_the_person_too() -> None:
    inherited = {"type": "execution", "name": "after", "depth": 1, "requester": "ana"}
    assert event_of(ended({"trigger": inherited})).data["requester"] == "ana"
    assert event_of(ended({})).data["requester"] == ""


@pytest.mark.parametrize("status", [{"trust": {"requesterUnknown": True}}, {"revision": None}])
@pytest.mark.parametrize(
    "spec", [{"requester": "ana"}, {"trigger": {"type": "schedule", "name": "n", "depth": 0}}]
)
def test_who_is_not_believed_to_have_started_it_is_unknown_down_the_chain(
    spec: dict[str, Any], status: dict[str, Any]
) -> None:
    source = ended(spec, **status)
    source["status"] = {key: value for key, value in source["status"].items() if value is not None}
    assert started(event_of(source))["trigger"]["requester"] == UNKNOWN
