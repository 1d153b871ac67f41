"""Logs over HTTP of pods that are gone: the same lines as when these were there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.history.entry import entry_from
from orchestrator.history.logs.kept_log import LogIdentity, Outcome
from orchestrator.history.store import Store
from orchestrator.jobs.context import node_and_attempt
from orchestrator.jobs.fan_out_status import index_of
from tests.api_process import ApiUser, running_api
from tests.commandline import Done, run_here
from tests.history_database import keep_log
from tests.kube import eventually
from tests.unit.cli.conftest import CliEnvironment
from tests.unit.cli.test_logs import env as with_pods  # noqa: F401
from tests.unit.cli.test_logs import put


@pytest.fixture
def env(tmp_path: Path) -> Iterator[CliEnvironment]:
    env = CliEnvironment(tmp_path)
    yield env
    env.close()


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'history.db'}"


@pytest.fixture
def user(with_pods: CliEnvironment, tmp_path: Path, database: str) -> Iterator[ApiUser]:  # noqa: F811
    asyncio.run(_migrated(database))
    options = f"--database={database}"
    with running_api(with_pods.kubeconfig, tmp_path / "api.log", options) as anyone:
        yield anyone.within("token")


async def _migrated(database: str) -> None:
    store = Store(database)
    await store.migrate()
    await store.close()


async def _keep(
    env: CliEnvironment, database: str, pods: list[str], outcome: Outcome, reason: str
) -> None:
    """Keep the logs of pods as the recorder does."""
    store = Store(database)
    for name in pods:
        raw: dict[str, Any] = env.server.objects["pods", "default", name]
        node, attempt = node_and_attempt(raw)
        failed = raw["status"]["phase"] == "Failed"
        identity = LogIdentity(
            raw["metadata"]["uid"], "u", "default", name, node, attempt, index_of(raw), 1000
        )
        lines = env.server.logs[name]
        await keep_log(store, identity, lines, outcome, reason, failed=failed)
    await store.close()


def keep(
    env: CliEnvironment,
    database: str,
    *pods: str,
    outcome: Outcome = Outcome.COMPLETE,
    reason: str = "",
) -> None:
    asyncio.run(_keep(env, database, list(pods), outcome, reason))


def delete(env: CliEnvironment, *pods: str) -> None:
    for pod in pods:
        env._await(env.server.remove("pods", "default", pod))
        del env.server.logs[pod]


def lines(user: ApiUser, query: str = "", node: str = "each") -> list[str]:
    read = user("GET", f"/executions/run/nodes/{node}/logs{query}")
    assert read.status == 200, read.text
    return read.text.splitlines()


def served(user: ApiUser, *arguments: str) -> Done:
    """What a command prints through the API."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORCHESTRATOR_TOKEN", user.token)
        return run_here("--server", f"http://127.0.0.1:{user.port}", *arguments)


def test_the_command_line_prints_kept_logs_as_those_of_pods(
    user: ApiUser,
    with_pods: CliEnvironment,  # noqa: F811
    database: str,
) -> None:
    choices: list[list[str]] = [
        [], ["each"], ["--failed"], ["--timestamps"], ["flaky", "--attempt", "2"],
        ["each", "--item", "1"],
    ]  # fmt: skip
    with_pods.server.logs["flaky-1"] = ["2020-01-15T08:00:00Z old", "2027-01-15T08:00:02Z new"]
    before = [with_pods("logs", "run", *choice) for choice in choices]
    assert [served(user, "logs", "run", *choice).lines for choice in choices] == [
        done.lines for done in before
    ]
    pods = ["each-1-0", "each-1-1", "each-1-2", "flaky-1", "flaky-2"]
    keep(with_pods, database, *pods)
    delete(with_pods, *pods)
    for choice, done in zip(choices, before, strict=True):
        found = served(user, "logs", "run", *choice)
        assert found.code == done.code == 0, found.err
        assert sorted(found.lines) == sorted(done.lines)
    last = served(user, "logs", "run", "each", "--tail", "1").lines
    assert sorted(last) == [f"each[{item}] | end" for item in range(3)]
    assert served(user, "logs", "run", "flaky", "--attempt", "1", "--since", "10m").lines == [
        "flaky | new"
    ]
    assert sorted(served(user, "logs", "run", "--follow").lines) == sorted(before[0].lines)
    assert served(user, "logs", "run", "each", "--item", "7").err == "run has no log of item 7\n"
    direct = with_pods("logs", "run")
    assert "flaky #2 | (its pod was deleted, and its log with it)" in direct.lines
    assert direct.err == (
        "a log is gone with its pod; the history may have it; read it through the REST API:\n"
        "  orchestrator --server URL -n default logs run\n"
    )


def test_kept_logs_are_read_as_those_of_pods(
    user: ApiUser,
    with_pods: CliEnvironment,  # noqa: F811
    database: str,
) -> None:
    queries = [
        "", "?item=1", "?failed=true", "?failed=true&search=SAYS", "?timestamps=true",
        "?since=10m",
    ]  # fmt: skip
    before = [lines(user, query) for query in queries]
    flaky = lines(user, "?attempt=2", "flaky")
    keep(with_pods, database, "each-1-0", "each-1-1", "flaky-2", "odd-1")
    delete(with_pods, "each-1-0", "each-1-1", "flaky-2")
    assert [sorted(lines(user, query)) for query in queries] == [sorted(each) for each in before]
    assert lines(user, "?attempt=2", "flaky") == flaky
    assert sorted(lines(user, "?follow=true")) == sorted(before[0])
    assert lines(user, "?item=1&tail=1") == ["each[1] | end"]
    assert lines(user, "?item=1&tail=0") == []
    # A pod may be there, but not its log.
    odd = lines(user, "", "odd")
    with_pods.server.refused_logs.add("odd-1")
    assert lines(user, "", "odd") == odd
    # The others: no log was kept.
    delete(with_pods, "each-1-2", "flaky-1")
    assert "flaky | (its pod was deleted, and its log with it)" in lines(user, "", "flaky")
    _names_what_is_not_kept(user, with_pods, database)


def _names_what_is_not_kept(user: ApiUser, env: CliEnvironment, database: str) -> None:
    env.server.refused_logs.clear()
    put(env, "long", "08")
    env.server.logs["long-1"] = [
        f"2027-01-15T08:00:{n % 60:02}Z {n:05} {'x' * 94}" for n in range(6000)
    ]
    keep(env, database, "long-1", outcome=Outcome.CUT, reason="its pod was deleted")
    delete(env, "long-1")
    found = lines(user, "?follow=true", "long")
    (gap,) = (index for index, line in enumerate(found) if "are not kept" in line)
    end = [line.split()[2] for line in found[gap + 1 : -1]]
    beginning = [line.split()[2] for line in found[:gap]]
    assert beginning == [f"{n:05}" for n in range(gap)]
    assert end == [f"{n:05}" for n in range(6000 - len(end), 6000)]
    left_out = 6000 - gap - len(end)
    assert found[gap] == f"long | ({left_out:,} lines, {left_out * 122:,} bytes, are not kept)"
    assert found[-1] == "long | (the kept log ends here: its pod was deleted)"


def test_logs_of_an_execution_that_is_only_in_the_history(
    user: ApiUser,
    with_pods: CliEnvironment,  # noqa: F811
    database: str,
    tmp_path: Path,
) -> None:
    pods = ["each-1-0", "each-1-1", "each-1-2"]
    before = sorted(lines(user))
    keep(with_pods, database, *pods)

    async def record() -> None:
        store = Store(database)
        raw = with_pods.server.objects["workflowexecutions", "default", "run"]
        ended = {**raw["status"], "finishedAt": "2027-01-15T09:00:00.000Z"}
        raw["metadata"]["creationTimestamp"] = "2027-01-15T08:00:00Z"
        entry = entry_from({**raw, "status": ended})
        assert entry is not None
        await store.record([entry])
        await store.close()

    asyncio.run(record())
    (tmp_path / "history.db").rename(tmp_path / "away")
    first, *others = lines(user)
    assert first.startswith("(kept logs are left out: ")
    assert sorted(others) == before
    (tmp_path / "away").rename(tmp_path / "history.db")
    delete(with_pods, *pods)
    with_pods._await(with_pods.server.remove("workflowexecutions", "default", "run"))
    eventually(lambda: sorted(lines(user)) == before)  # the database is tried again after a while
    assert sorted(lines(user, "?follow=true")) == before
    (tmp_path / "history.db").rename(tmp_path / "away")
    read = user("GET", "/executions/run/nodes/each/logs")
    assert (read.status, "the history may have it" in read.text) == (503, True)
