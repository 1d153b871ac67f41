"""Executions deleted: all that are named, or none."""

from __future__ import annotations

import pytest

from orchestrator.engine.times import from_rfc3339
from orchestrator.operations.delete import delete, is_older
from orchestrator.operations.errors import CommandError
from orchestrator.operations.writes import Delete
from tests.unit.operations.builders import execution, problem_of

NOON = from_rfc3339("2026-11-28T12:00:00Z")


def test_each_execution_is_deleted_once_and_only_as_it_was_read() -> None:
    done = execution(phase="Failed")
    assert delete([done, execution("b", phase="Succeeded"), done], force=False) == [
        Delete("WorkflowExecution", "run", "uid-run"),
        Delete("WorkflowExecution", "b", "uid-b"),
    ]


@pytest.mark.parametrize(
    ("phases", "message", "which"),
    [
        (("Running",), "run0 is Running", "it"),
        (("Running", "Failed", ""), "run0 is Running, run2 is Pending", "them"),
    ],
)
def test_executions_that_have_not_ended_are_deleted_only_by_force(
    phases: tuple[str, ...], message: str, which: str
) -> None:
    every = [execution(f"run{at}", phase=phase) for at, phase in enumerate(phases)]
    with pytest.raises(CommandError) as error:
        delete(every, force=False)
    fix = f"cancel {which} first, or force the deletion"
    assert problem_of(error) == ("status.phase", message, fix)
    assert len(delete(every, force=True)) == len(every)


def test_an_execution_is_as_old_as_its_end() -> None:
    ended = execution(phase="Failed", finishedAt="2026-11-28T12:00:05Z")
    assert [is_older(ended, NOON + seconds, force=False) for seconds in (4, 5)] == [False, True]
    never_started = execution(phase="Cancelled")
    assert is_older(never_started, NOON, force=False)


def test_an_execution_that_goes_on_is_as_old_as_its_creation_and_taken_only_by_force() -> None:
    assert not is_older(execution(), NOON, force=False)
    assert [is_older(execution(), NOON + seconds, force=True) for seconds in (-1, 0)] == [
        False,
        True,
    ]
