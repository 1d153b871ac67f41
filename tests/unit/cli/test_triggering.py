"""`trigger`: run by hand, suspended, resumed, and when it fires next."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.cli.conftest import Place

SPEC: dict[str, Any] = {
    "variables": [{"name": "when", "type": "string", "default": ""}],
    "nodes": [{"name": "a", "transform": {"x": "vars.when"}}],
}
NIGHTLY: dict[str, Any] = {
    "workflow": "w",
    "schedule": {"cron": "30 3 * * *", "timeZone": "Europe/Berlin"},
    "variables": {"when": "$[[ event.scheduledAt ]]"},
}
AFTER: dict[str, Any] = {
    "workflow": "w",
    "execution": {"workflow": "build"},
    "variables": {"when": "$[[ event.name ]]"},
    "filter": "event.name != 'skip'",
}


@pytest.fixture
def place(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr("orchestrator.cli.triggering.now", lambda: 1_800_000_000.0)
    place.put("Workflow", "w", spec=SPEC)
    place.put("Trigger", "nightly", spec=NIGHTLY)
    place.put("Trigger", "after", spec=AFTER)
    for name, workflow in (("build-1", "build"), ("skip", "build"), ("other", "v")):
        status = {"phase": "Succeeded", "finishedAt": "2027-01-15T08:00:00.000Z"}
        place.put("WorkflowExecution", name, spec={"workflow": workflow}, status=status)
    return place


def started(place: Place) -> list[dict[str, Any]]:
    items = [raw for key, raw in place.server.objects.items() if key[0] == "workflowexecutions"]
    return [raw["spec"] for raw in items if raw["spec"]["workflow"] == "w"]


def test_a_schedule_is_run_with_its_next_slot(place: Place) -> None:
    assert place("trigger", "run", "nightly").code == 0
    assert started(place) == [
        {
            "workflow": "w",
            "variables": {"when": "2027-01-16T02:30:00.000Z"},
            "requester": "ana",
        }
    ]


def test_an_ended_execution_or_an_event_is_what_another_runs_with(place: Place) -> None:
    assert place("trigger", "run", "after", "--of", "awfx/build-1").code == 0
    assert place("trigger", "run", "after", "--event", '{"name": "mine"}', "--dry-run").code == 0
    assert [spec["variables"] for spec in started(place)] == [{"when": "build-1"}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("after",), "fires for an event: name an execution with --of, or give it with --event"),
        (("after", "--of", "other"), "other is not an execution that trigger/after fires for"),
        (("after", "--of", "skip"), "spec.filter of trigger/after does not hold"),
        (("after", "--event", "[]"), "--event: write a JSON object"),
        (("after", "--event", "{}"), "trigger/after: spec."),
        (("nightly", "--of", "build-1"), "--of: trigger/nightly does not fire for executions"),
        (("nihgtly",), "did you mean 'nightly'?"),
    ],
)
def test_what_the_trigger_would_not_start_is_refused(
    place: Place, arguments: tuple[str, ...], said: str
) -> None:
    done = place("trigger", "run", *arguments)
    assert done.code == 2
    assert said in done.err
    assert started(place) == []


def test_triggers_are_suspended_and_resumed(place: Place) -> None:
    assert place("trigger", "suspend", "nightly", "after").lines == [
        "trigger/nightly suspended",
        "trigger/after suspended",
    ]
    assert place.get("Trigger", "nightly")["spec"]["suspend"] is True
    assert place("trigger", "suspend", "nightly").out == "trigger/nightly is already suspended\n"
    assert place("trigger", "resume", "nightly").out == "trigger/nightly resumed\n"
    assert place.get("Trigger", "nightly")["spec"]["suspend"] is False
    assert place("trigger", "resume", "nightly").out == "trigger/nightly is not suspended\n"


def test_the_next_moments_are_those_of_the_schedule(place: Place) -> None:
    header, first, second = place("trigger", "next", "nightly", "--count", "2").lines
    assert header.split() == ["TRIGGER", "NEXT", "LOCAL", "IN", "STATE"]
    assert first.split()[:2] == ["nightly", "2027-01-16T02:30:00Z"]
    assert first.split()[2:] == ["Sat", "16", "Jan", "03:30:00", "Europe/Berlin", "18h30m"]
    assert "2027-01-17T02:30:00Z" in second
    place("trigger", "suspend", "nightly")
    [_, only] = place("trigger", "next").lines
    assert only.endswith("suspended")
    assert "it fires when its event happens" in place("trigger", "next", "after").err
