"""`get` and `list`: what is selected, in which order, in which format."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.unit.cli.conftest import CliEnvironment


@pytest.fixture
def env(env: CliEnvironment) -> CliEnvironment:
    for index, (name, phase) in enumerate(
        [("first", "Succeeded"), ("second", "Failed"), ("third", "Running"), ("fourth", "TimedOut")]
    ):
        env.put(
            "WorkflowExecution",
            name,
            metadata={
                "creationTimestamp": f"2027-01-15T0{index}:00:00Z",
                "labels": {"even": str(index % 2 == 0).lower()},
            },
            spec={"workflow": "w" if index else "v"},
            status={"phase": phase, "progress": f"{9 - index}/9"},
        )
    env.put("WorkflowExecution", "there", "shop", spec={"workflow": "w"})
    env.put("Workflow", "w", spec={"nodes": []})
    return env


def names(env: CliEnvironment, *arguments: str) -> list[str]:
    done = env(*arguments, "-o", "name")
    assert done.code == 0, done.err
    return [line.partition("/")[2] for line in done.lines]


def test_one_object_several_and_several_kinds(env: CliEnvironment) -> None:
    assert env("get", "awfx", "first").lines[1].startswith("first ")
    assert names(env, "get", "awfx", "second", "first") == ["second", "first"]
    assert names(env, "get", "awfx/first", "awf/w") == ["first", "w"]
    assert names(env, "get", "awf,awfx") == ["w", "first", "fourth", "second", "third"]
    assert env("get", "awf,awfx", "-o", "name").lines[0] == "workflow/w"
    printed = env("get", "awfx/first", "awf/w").out
    assert [table.split()[0] for table in printed.split("\n\n")] == ["NAME", "NAME"]


def test_the_newest_stands_for_its_name(env: CliEnvironment) -> None:
    assert names(env, "get", "awfx", "@latest") == ["fourth"]
    assert names(env, "get", "awfx/@latest") == ["fourth"]
    env.server.objects.clear()
    done = env("get", "awfx", "@latest")
    assert (done.code, done.err) == (
        2,
        "error: there is no WorkflowExecution in namespace default\n",
    )


def test_labels_and_fields_select(env: CliEnvironment) -> None:
    assert names(env, "get", "awfx", "-l", "even=true") == ["first", "third"]
    assert names(env, "get", "awfx", "--field-selector", "status.phase=Failed") == ["second"]
    assert "there" in env("get", "awfx", "-A").out
    done = env("get", "awfx", "-l", "even=maybe")
    assert done.out == "there are no workflowexecutions in namespace default that match\n"


def test_any_field_sorts(env: CliEnvironment) -> None:
    assert names(env, "get", "awfx", "--sort-by", "{.status.progress}")[0] == "fourth"
    assert names(env, "get", "awfx", "--sort-by=.metadata.creationTimestamp") == [
        "first",
        "second",
        "third",
        "fourth",
    ]
    done = env("get", "awfx", "--sort-by", ".status.pahse")
    assert (done.code, done.err) == (
        2,
        "error: --sort-by .status.pahse: none of the objects has this field\n",
    )


def test_every_format(env: CliEnvironment) -> None:
    path = "jsonpath={.status.phase}"
    assert env("get", "awfx", "first", "-o", path).out == "Succeeded"
    assert env("get", "awfx", "first", "-o=name").out == "workflowexecution/first\n"
    template = "jsonpath={range .items[*]}{.metadata.name} {end}"
    assert env("get", "awfx", "-l", "even=true", "-o", template).out == "first third "
    assert json.loads(env("get", "awfx", "first", "-o", "json").out)["kind"] == "WorkflowExecution"
    assert len(yaml.safe_load(env("get", "awf,awfx", "-o", "yaml").out)["items"]) == 5
    assert "REQUESTER" in env("get", "awfx", "-o", "wide").lines[0]
    wrong = env("get", "awfx", "-o", "table")
    assert wrong.err == "error: -o table: write json, yaml, name, wide or jsonpath=TEMPLATE\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("get", "awfx", "first", "-A"), "-A selects from all objects; leave out first"),
        (("get", "awf,awfx", "x"), "x: write KIND/NAME where there are several kinds"),
        (("get", "awfx/first", "second"), "second: write KIND/NAME for each"),
        (("get", "awf,awfx", "-w"), "-w watches one kind"),
        (("get", "awfx", "frist"), "there is no WorkflowExecution frist in namespace default;"),
        (("get", "awfx", "-o", "jsonpath"), "write a template"),
        (("explain", "awf/w"), "awf/w names no WorkflowExecution"),
        (("list", "--status", "Faild"), "there is no such phase; did you mean 'Failed'?"),
        (("list", "--since", "soon"), "--since soon: not a duration"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    env: CliEnvironment, arguments: tuple[str, ...], said: str
) -> None:
    done = env(*arguments)
    assert done.code == 2
    assert said in done.err


def test_list_shows_the_newest_first_and_selects_by_phase_and_workflow(env: CliEnvironment) -> None:
    assert names(env, "list") == ["fourth", "third", "second", "first"]
    assert names(env, "list", "--failed") == ["fourth", "second"]
    assert names(env, "list", "--status", "running,failed") == ["third", "second"]
    assert names(env, "list", "--status", "Running", "--failed", "--limit", "2") == [
        "fourth",
        "third",
    ]
    assert names(env, "list", "v") == ["first"]
    assert names(env, "list", "-A", "w") == ["fourth", "third", "second", "there"]


def test_list_takes_the_executions_of_a_time(
    env: CliEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.cli.listing_executions.now", lambda: 1_799_982_000.0)
    assert names(env, "list", "--since", "90m") == ["fourth", "third"]
    assert len(names(env, "list", "--since", "1d")) == 4


@pytest.mark.parametrize("short", ["awfx/first", "workflowexecution/first"])
def test_a_name_may_come_with_its_kind(env: CliEnvironment, short: str) -> None:
    assert env("watch", short).lines[-1] == "first Succeeded"
    full = "workflowexecution.automation.itechsmart.dev/first"
    assert env("get", full, "-o", "name").lines == ["workflowexecution/first"]
