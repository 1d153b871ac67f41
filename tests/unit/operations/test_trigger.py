"""Triggers suspended, resumed and run by hand."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.operations.errors import CommandError
from orchestrator.operations.trigger import (
    event_of,
    next_event,
    next_moments,
    read_trigger,
    suspend,
    variables_for,
)
from orchestrator.operations.writes import Merge, Unchanged
from orchestrator.triggers.registry import Trigger
from orchestrator.triggers.sources import Clock, Due, Event
from tests.unit.operations.builders import execution, problem_of

NOW = 1_800_000_000.0
HOURLY = {"workflow": "flow", "schedule": {"cron": "0 * * * *"}}
AFTER = {"workflow": "flow", "execution": {"workflow": "build"}}


def trigger(spec: dict[str, Any], **more: Any) -> dict[str, Any]:
    metadata = {"name": "t", "namespace": "default", "uid": "uid-t"}
    return {"metadata": metadata, "spec": {**spec, **more}}


def clock_of(read: Trigger) -> Clock[Any]:
    assert isinstance(read.type.source, Clock)
    return read.type.source


def test_a_trigger_is_suspended_and_resumed_once() -> None:
    running, suspended = trigger(HOURLY), trigger(HOURLY, suspend=True)
    assert suspend(running, suspend=True) == Merge("Trigger", "t", {"spec": {"suspend": True}})
    assert suspend(suspended, suspend=False) == Merge("Trigger", "t", {"spec": {"suspend": False}})
    assert suspend(suspended, suspend=True) == Unchanged("is already suspended")
    assert suspend(running, suspend=False) == Unchanged("is not suspended")


def test_a_trigger_that_is_not_valid_is_refused_with_its_fields() -> None:
    with pytest.raises(CommandError) as error:
        read_trigger(trigger({"workflow": "flow", "schedule": {"cron": "often"}}))
    assert error.value.path == "spec.schedule.cron"


def test_the_variables_are_those_of_the_event() -> None:
    raw = trigger(AFTER, variables={"of": "$[[ event.name ]]"}, filter="event.name != 'no'")
    read = read_trigger(raw)
    assert variables_for(raw, read, Event("execution", "by hand", {"name": "x"}, NOW)) == {
        "of": "x"
    }
    with pytest.raises(CommandError) as error:
        variables_for(raw, read, Event("execution", "by hand", {"name": "no"}, NOW))
    said = "spec.filter of trigger/t does not hold for this event"
    assert problem_of(error) == ("spec.filter", said, "")
    with pytest.raises(CommandError, match=r"trigger/t: spec\.filter: "):
        variables_for(raw, read, Event("execution", "by hand", {}, NOW))


def test_an_ended_execution_is_an_event_for_a_trigger_that_fires_for_it() -> None:
    raw, ended = trigger(AFTER), "2026-11-28T12:00:05Z"
    read = read_trigger(raw)
    built = execution("x", phase="Succeeded", spec={"workflow": "build"}, finishedAt=ended)
    assert event_of(raw, read, built).data["name"] == "x"
    with pytest.raises(CommandError) as error:
        event_of(raw, read, execution("x", phase="Failed", finishedAt=ended))
    assert error.value.words == (
        "x is not an execution that trigger/t fires for: its Workflow is flow, and its phase Failed"
    )
    by_clock = trigger(HOURLY)
    with pytest.raises(CommandError, match="does not fire for executions"):
        event_of(by_clock, read_trigger(by_clock), built)


def test_the_next_event_of_a_schedule_is_its_next_slot() -> None:
    raw = trigger(HOURLY)
    read = read_trigger(raw)
    moments = next_moments(raw, read, NOW, 3)
    assert moments == [NOW + 3600 * hours for hours in (1, 2, 3)]
    assert next_event(raw, read, clock_of(read), NOW).at == moments[0]


def test_a_schedule_that_is_over_has_no_next_event() -> None:
    raw = trigger(HOURLY)
    over: Clock[Any] = Clock(lambda *_: Due((), NOW, None), lambda *_: iter(()))
    with pytest.raises(CommandError) as error:
        next_event(raw, read_trigger(raw), over, NOW)
    assert (error.value.words, error.value.fix) == ("trigger/t never fires again", "give an event")
