"""Who paused an execution, until when, and how it goes on."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.cli.pauses import describe_pause
from tests.unit.cli.conftest import CliEnvironment

COMMAND = "resume with: orchestrator -n shop resume run"


def paused(*managed: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "run", "namespace": "shop", "managedFields": list(managed)}
    return {"metadata": metadata, "status": {"startedAt": "2027-01-15T08:00:00.000Z"}}


def write(manager: str, minute: int, field: str = "f:desiredState") -> dict[str, Any]:
    return {
        "manager": manager,
        "time": f"2027-01-15T08:{minute:02}:00Z",
        "fieldsV1": {"f:spec": {field: {}}},
    }


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "orchestrator.cli.pauses.clock", lambda seconds: f"{(seconds - 1_800_000_000) / 60:g} min"
    )


def test_the_last_who_wrote_the_desired_state_is_named() -> None:
    found = paused(
        write("kubectl-edit", 1), write("control-ana", 5), write("decision-x", 9, "f:decisions")
    )
    assert describe_pause(found) == f"by ana since 5 min; {COMMAND}"
    assert describe_pause(paused(write("kubectl-edit", 1))) == (
        f"with kubectl-edit since 1 min; {COMMAND}"
    )


def test_a_timeout_ends_it() -> None:
    found = paused(write("control-ana", 5))
    assert describe_pause(found, {"timeout": "2h"}) == (
        f"by ana since 5 min, at the latest until 120 min, its timeout; {COMMAND}"
    )
    assert describe_pause(paused(), {"timeout": "2h"}) == (
        f"at the latest until 120 min, its timeout; {COMMAND}"
    )


def test_without_anything_known_the_command_is_left() -> None:
    assert describe_pause(paused()) == COMMAND


def test_pause_is_written_in_the_users_name(env: CliEnvironment) -> None:
    env.put("WorkflowExecution", "run", spec={"workflow": "w"}, status={"phase": "Running"})
    assert env("pause", "@latest").out == (
        "workflowexecution/run is being paused: nothing new starts\n"
    )
    assert env.get("WorkflowExecution", "run")["spec"]["desiredState"] == "Paused"
    assert env.managers == ["control-ana"]


def test_lines_say_who_paused_and_that_it_was_resumed(env: CliEnvironment) -> None:
    spec = {"workflow": "w", "desiredState": "Paused"}
    status = {"phase": "Paused", "startedAt": "2027-01-15T08:00:00.000Z"}
    metadata = {"managedFields": [write("control-ana", 5)]}
    env.put("WorkflowExecution", "run", metadata=metadata, spec=spec, status=status)
    running, ended = {**status, "phase": "Running"}, {"phase": "Succeeded"}
    env.once_watched(
        lambda: env.put("WorkflowExecution", "run", spec={"workflow": "w"}, status=running),
        lambda: env.put("WorkflowExecution", "run", spec={"workflow": "w"}, status=ended),
    )
    assert env("watch", "run").lines == [
        "run, a run of w",
        "Paused  by ana since 5 min; resume with: orchestrator -n default resume run",
        "Running  resumed",
        "run Succeeded",
    ]
