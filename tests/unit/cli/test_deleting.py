"""`delete`: several by name, or those that ended long ago."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import CliEnvironment


@pytest.fixture
def env(env: CliEnvironment, monkeypatch: pytest.MonkeyPatch) -> CliEnvironment:
    monkeypatch.setattr("orchestrator.cli.deleting.now", lambda: 1_800_100_000.0)
    for name, phase, finished in (
        ("old", "Succeeded", "2027-01-08T08:00:00.000Z"),
        ("new", "Failed", "2027-01-16T08:00:00.000Z"),
        ("running", "Running", None),
    ):
        status = {"phase": phase, **({"finishedAt": finished} if finished else {})}
        metadata = {"creationTimestamp": "2027-01-08T07:00:00Z", "labels": {"a": name}}
        spec = {"workflow": "w" if name == "old" else "v"}
        env.put("WorkflowExecution", name, metadata=metadata, spec=spec, status=status)
    return env


def left(env: CliEnvironment) -> list[str]:
    return sorted(env.names("WorkflowExecution"))


def test_several_are_deleted_by_name(env: CliEnvironment) -> None:
    done = env("delete", "old", "awfx/new")
    assert done.lines == [
        "workflowexecution/old deleted, with its Jobs and pods",
        "workflowexecution/new deleted, with its Jobs and pods",
    ]
    assert left(env) == ["running"]


def test_what_has_not_ended_keeps_all_that_are_named(env: CliEnvironment) -> None:
    done = env("delete", "old", "running")
    assert (done.code, done.err) == (
        2,
        "error: running is Running; cancel it first, or delete with --force\n",
    )
    assert len(left(env)) == 3
    assert env("delete", "old", "running", "--force").code == 0
    assert left(env) == ["new"]


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        (("--older", "7d"), ["new", "running"]),
        (("--older", "1h"), ["running"]),
        (("--older", "1h", "--force"), []),
        (("--older", "1h", "-l", "a=new"), ["old", "running"]),
        (("--workflow", "w"), ["new", "running"]),
        (("--older", "7d", "--dry-run"), ["new", "old", "running"]),
    ],
)
def test_what_ended_long_ago_is_selected(
    env: CliEnvironment, arguments: tuple[str, ...], kept: list[str]
) -> None:
    assert env("delete", *arguments).code == 0
    assert left(env) == kept


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name executions, or select ended ones with --older"),
        (("old", "--older", "1h"), "do not name any as well"),
        (("--older", "1w"), "--older 1w: not a duration"),
        (("odl",), "did you mean 'old'?"),
    ],
)
def test_what_cannot_be_meant_deletes_nothing(
    env: CliEnvironment, arguments: tuple[str, ...], said: str
) -> None:
    done = env("delete", *arguments)
    assert done.code == 2
    assert said in done.err
    assert len(left(env)) == 3


def test_where_nothing_is_to_be_deleted_it_says_so(env: CliEnvironment) -> None:
    done = env("delete", "--older", "90d")
    assert done.out == "no execution of namespace default is to be deleted\n"
