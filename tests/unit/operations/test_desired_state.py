"""Executions paused, resumed and ended: nothing softer follows something firmer."""

from __future__ import annotations

import pytest

from orchestrator.models.execution import DesiredState, ExecutionPhase
from orchestrator.operations.desired_state import may_become, set_desired_state
from orchestrator.operations.errors import Cause, CommandError
from orchestrator.operations.executions import ENDED
from orchestrator.operations.writes import Merge, Unchanged
from tests.unit.operations.builders import execution, problem_of

STATES = [state.value for state in DesiredState]


def test_a_state_is_asked_for_under_the_name_of_who_asks() -> None:
    patch = {"spec": {"desiredState": "Paused"}}
    assert set_desired_state(execution(), "Paused", by="ana") == Merge(
        "WorkflowExecution", "run", patch, "control-ana"
    )


@pytest.mark.parametrize("user", ["", "x" * 200, "an\na"])
def test_a_name_that_a_field_manager_cannot_hold_is_left_out(user: str) -> None:
    write = set_desired_state(execution(), "Paused", by=user)
    assert isinstance(write, Merge)
    assert write.manager == ""


def test_what_is_asked_for_already_changes_nothing() -> None:
    paused = execution(spec={"desiredState": "Paused"})
    assert set_desired_state(paused, "Paused", by="ana") == Unchanged(
        "already has the desired state Paused"
    )
    assert set_desired_state(execution(), "Running", by="ana") == Unchanged(
        "already has the desired state Running"
    )


@pytest.mark.parametrize("phase", ENDED)
def test_an_ended_execution_stays_as_it_is(phase: str) -> None:
    unchanged = Unchanged(f"has already ended: {phase}")
    assert set_desired_state(execution(phase=phase), "Cancelled", by="ana") == unchanged


def test_nothing_softer_can_be_asked_for() -> None:
    ending = execution(spec={"desiredState": "Cancelled"})
    assert isinstance(set_desired_state(ending, "Terminated", by="ana"), Merge)
    with pytest.raises(CommandError) as error:
        set_desired_state(ending, "Running", by="ana")
    assert error.value.cause is Cause.CONFLICT
    said = "run has the desired state Cancelled, which cannot be undone"
    assert problem_of(error) == ("spec.desiredState", said, "")


def test_a_pause_can_be_taken_back_and_an_end_cannot() -> None:
    allowed = {
        (now, state)
        for now in STATES
        for state in STATES
        if may_become(execution(spec={"desiredState": now}), state)
    }
    assert allowed == {
        ("Running", "Paused"),
        ("Paused", "Running"),
        *((now, "Cancelled") for now in ("Running", "Paused")),
        *((now, "Terminated") for now in ("Running", "Paused", "Cancelled")),
    }


def test_the_final_phases_are_those_of_the_model() -> None:
    assert set(ENDED) == {phase.value for phase in ExecutionPhase if phase.terminal}
