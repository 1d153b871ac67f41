"""`logs`: which pods, in which order, with which prefix."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.models.labels import EXECUTION_UID
from tests.unit.cli.conftest import CliEnvironment

INDEX = "batch.kubernetes.io/job-completion-index"


def put(
    env: CliEnvironment,
    node: str,
    created: str,
    *,
    attempt: int = 1,
    item: int | None = None,
    code: int = 0,
) -> None:
    """A pod that has ended, and what it wrote."""
    name = f"{node}-{attempt}{'' if item is None else f'-{item}'}"
    labels = {EXECUTION_UID: "u", **({} if item is None else {INDEX: str(item)})}
    context = json.dumps({"node": node, "attempt": attempt})
    ended = {"terminated": {"exitCode": code}}
    env.put(
        "Pod",
        name,
        metadata={"creationTimestamp": f"2027-01-15T08:00:{created}Z", "labels": labels},
        spec={"containers": [{"name": "action", "env": [{"name": "CONTEXT", "value": context}]}]},
        status={
            "phase": "Failed" if code else "Succeeded",
            "containerStatuses": [{"name": "action", "state": ended}],
        },
    )
    first = f"2027-01-15T08:00:{created}.5Z {name} says"
    env.server.logs[name] = [first, "2027-01-15T09:00:00Z end"]


@pytest.fixture
def env(env: CliEnvironment) -> CliEnvironment:
    nodes: dict[str, Any] = {
        "flaky": {"phase": "Succeeded", "attempts": 2, "job": "j"},
        "each": {"phase": "Failed", "attempts": 1, "job": "j", "items": 3, "failed": "1"},
        "odd": {"phase": "Failed", "attempts": 1, "job": "j", "reason": "OutputsInvalid"},
    }
    env.put(
        "WorkflowExecution",
        "run",
        metadata={"uid": "u"},
        spec={"workflow": "w"},
        status={"phase": "Failed", "nodes": nodes},
    )
    put(env, "each", "09", item=2)
    put(env, "each", "06", item=0)
    put(env, "each", "05", item=1, code=1)
    put(env, "flaky", "03", attempt=2)
    put(env, "flaky", "01", code=1)
    put(env, "odd", "07")
    return env


def prefixes(env: CliEnvironment, *arguments: str) -> list[str]:
    done = env("logs", "run", *arguments)
    assert done.code == 0, done.err
    return list(dict.fromkeys(line.partition(" | ")[0] for line in done.lines))


def test_lines_of_all_pods_come_in_the_order_in_which_they_were_written(
    env: CliEnvironment,
) -> None:
    assert prefixes(env) == ["flaky", "flaky #2", "each[1]", "each[0]", "odd", "each[2]"]
    assert env("logs", "run", "odd").lines == ["odd | odd-1 says", "odd | end"]


def test_lines_of_pods_that_ran_at_the_same_time_are_merged(env: CliEnvironment) -> None:
    env.server.logs["each-1-0"] = [
        "2027-01-15T08:00:06.100000000Z a1",
        "2027-01-15T08:00:06.300000000Z a2",
        "no timestamp at all",
        "2027-01-15T08:00:06.250000000Z a clock that was put back",
    ]
    env.server.logs["each-1-1"] = [
        "2027-01-15T10:00:06.200000000+02:00 b1",
        "2027-01-15T08:00:06.301000000Z b2",
    ]
    env.server.logs["each-1-2"] = []
    assert env("logs", "run", "each").lines == [
        "each[0] | a1",
        "each[1] | b1",
        "each[0] | a2",
        "each[0] | no timestamp at all",
        "each[0] | a clock that was put back",
        "each[1] | b2",
    ]


def test_a_log_that_is_gone_is_said_in_its_place(env: CliEnvironment) -> None:
    env.server.refused_logs.add("each-1-0")
    lines = env("logs", "run", "each", "--item", "0").lines
    assert lines == ["each[0] | (no log: container is waiting to start)"]


def test_one_item_or_what_failed(env: CliEnvironment) -> None:
    assert prefixes(env, "--item", "2") == ["each[2]"]
    assert prefixes(env, "each", "--item", "0") == ["each[0]"]
    assert prefixes(env, "--failed") == ["flaky", "each[1]", "odd"]
    assert prefixes(env, "flaky", "--attempt", "2") == ["flaky #2"]
    done = env("logs", "run", "--item", "7")
    assert (done.out, done.err) == ("", "run has no pod of item 7\n")


def test_lines_since_and_with_timestamps(env: CliEnvironment) -> None:
    done = env("logs", "run", "odd", "--since", "90s", "--timestamps", "--tail", "5")
    assert done.lines[0] == "odd | 2027-01-15T08:00:07.5Z odd-1 says"
    assert env.server.queries == [
        {"container": "action", "tailLines": "5", "sinceSeconds": "90", "timestamps": "true"}
    ]


def test_following_takes_the_same_choices(env: CliEnvironment) -> None:
    lines = env("logs", "run", "--failed", "--follow", "--timestamps").lines
    assert {line.partition(" | ")[0] for line in lines} == {"flaky", "each[1]", "odd"}
    assert "odd | 2027-01-15T08:00:07.5Z odd-1 says" in lines


def test_a_node_that_has_not_started_is_answered_with_the_nearest(env: CliEnvironment) -> None:
    done = env("logs", "run", "falky")
    assert done.code == 2
    assert "it has started flaky, each, odd; did you mean 'flaky'?" in done.err
