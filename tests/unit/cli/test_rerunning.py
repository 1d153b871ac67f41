"""`rerun`: what is checked before anything is created, and runs with other variables."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.cli.conftest import CliEnvironment

SPEC: dict[str, Any] = {
    "variables": [
        {"name": "count", "type": "integer", "default": 1},
        {"name": "where", "type": "string", "default": "eu"},
    ],
    "nodes": [
        {"name": "first", "transform": {"x": "vars.count"}},
        {"name": "second", "fail": "no"},
    ],
    "edges": [{"from": "first", "to": "second"}],
}


@pytest.fixture
def env(env: CliEnvironment) -> CliEnvironment:
    env.put("Workflow", "w", spec=SPEC)
    status = {
        "phase": "Failed",
        "revision": env.freeze("w", SPEC),
        "variables": {"count": 1, "where": "us"},
        "nodes": {
            "first": {"phase": "Succeeded", "reason": "Completed", "outputs": {"x": 1}},
            "second": {"phase": "Failed", "reason": "FailNode"},
        },
    }
    spec = {"workflow": "w", "variables": {"where": "us"}}
    env.put("WorkflowExecution", "run", spec=spec, status=status)
    return env


def test_it_starts_at_the_nodes_that_failed(env: CliEnvironment) -> None:
    assert env("rerun", "run", "--name", "again").out == "workflowexecution/again\n"
    assert env.get("WorkflowExecution", "again")["spec"] == {
        "workflow": "w",
        "rerunOf": {"name": "run", "from": ["second"]},
        "requester": "ana",
    }


def test_other_variables_run_everything_again(env: CliEnvironment) -> None:
    assert env("rerun", "@latest", "--var", "count=3", "--name", "again").code == 0
    assert env.get("WorkflowExecution", "again")["spec"] == {
        "workflow": "w",
        "variables": {"where": "us", "count": 3},
        "requester": "ana",
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "frist"), "--from: there is no node 'frist'; did you mean 'first'?"),
        (("--from", "first", "--var", "count=3"), "--var: a run from --from keeps the variables"),
        (("--var", "count=three"), "integer expected, such as count=3"),
        (("--var", "cuont=3"), "did you mean 'count'?"),
        (("-o", "wide"), "-o wide: write json, yaml, name or jsonpath=TEMPLATE"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_created(
    env: CliEnvironment, arguments: tuple[str, ...], said: str
) -> None:
    done = env("rerun", "run", *arguments)
    assert done.code == 2
    assert said in done.err
    assert env.names("WorkflowExecution") == ["run"]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"phase": "Running"}, "run is Running; only an ended execution can be run again"),
        (
            {"phase": "Cancelled", "nodes": {"first": {"phase": "Cancelled"}}},
            "run ended before it ran anything; start a new execution",
        ),
        (
            {"phase": "Succeeded", "revision": "r"},
            "all nodes of run succeeded; name some by --from",
        ),
    ],
)
def test_a_source_that_cannot_run_again_is_refused(
    env: CliEnvironment, status: dict[str, Any], said: str
) -> None:
    env.put("WorkflowExecution", "run", spec={"workflow": "w"}, status=status)
    done = env("rerun", "run")
    assert (done.code, done.err) == (2, f"error: {said}\n")


def test_a_workflow_that_is_gone_or_not_startable_is_refused(env: CliEnvironment) -> None:
    env.put("Workflow", "w", spec={**SPEC, "state": "Inactive"})
    assert "is Inactive and cannot be started" in env("rerun", "run").err
    del env.server.objects["workflows", "default", "w"]
    assert "Workflow w no longer exists in namespace default" in env("rerun", "run").err
