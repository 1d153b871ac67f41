"""The command line through an API with a history: executions whose objects and pods are gone, on a
real API server and a real PostgreSQL."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.api_process import ApiUser
from tests.cluster.history_environment import (
    REVISION,
    SPEC,
    HistoryEnvironment,
    at,
    history_environment,
)
from tests.commandline import Done, run_here
from tests.history_database import delete
from tests.kube import Kubectl, eventually, workflow
from tests.postgresql import PostgresqlServer

ONLY_RECORD = "has ended and its object has been removed; the history keeps its record only"


@pytest.fixture(scope="module")
def env(
    kubeconfig: Path,
    account: Path,
    postgresql: PostgresqlServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[HistoryEnvironment]:
    folder = tmp_path_factory.mktemp("cli")
    with history_environment(kubeconfig, account, postgresql, folder) as env:
        yield env


class Line:
    """The command line of a user who has no access to the cluster."""

    def __init__(
        self, env: HistoryEnvironment, user: ApiUser, kubectl: Kubectl | None = None
    ) -> None:
        self._namespace = (kubectl or env.api.admin).namespace
        self._user = user

    def __call__(self, *arguments: str) -> Done:
        server = f"http://127.0.0.1:{self._user.port}"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ORCHESTRATOR_TOKEN", self._user.token)
            return run_here("-n", self._namespace, "--server", server, *arguments)


def names(done: Done) -> list[str]:
    assert done.code == 0, done.err
    return [line.partition("/")[2] for line in done.lines]


def test_an_execution_that_was_removed_is_read_as_if_it_were_there(env: HistoryEnvironment) -> None:
    line = Line(env, env["oncall"])
    there = env.ended("gone", phase="Failed", reason="Failed", message="hold failed")
    env.history.record(there, revision=REVISION)
    commands = [
        ("get", "awfx", "gone", "-o", "wide"),
        ("get", "awfx/gone", "-o", "jsonpath={.spec.workflow} {.status.nodes.hold.phase}"),
        ("explain", "gone"),
        ("explain", "gone", "hold", "-o", "json"),
        ("graph", "awfx/gone", "--format", "mermaid"),
        ("wait", "gone"),
    ]
    before = [line(*command) for command in commands]
    delete(env.api.admin, "gone")
    for command, expected in zip(commands, before, strict=True):
        found = line(*command)
        assert found.code == expected.code, found.err
        assert timeless(found.out) == timeless(expected.out), command
    explained = line("explain", "gone")
    assert "spare" in explained.out  # from the recorded revision
    assert explained.err == f"gone {ONLY_RECORD}\n"
    whole = json.loads(line("get", "awfx", "gone", "-o", "json").out)
    assert whole == yaml.safe_load(line("get", "awfx", "gone", "-o", "yaml").out)
    assert (whole["metadata"]["uid"], whole["fromHistory"]) == (there["metadata"]["uid"], True)
    assert (whole["spec"], whole["status"]) == (there["spec"], there["status"])
    watched = line("watch", "gone")
    assert (watched.code, "Failed after 2m0s: hold failed" in watched.out) == (1, True)
    assert "run it again" not in watched.err
    refused = line("get", "awfx", "gone", "-w")
    assert (refused.code, ONLY_RECORD in refused.err) == (2, True)
    nearby = line("explain", "gon")
    assert (nearby.code, "there is no WorkflowExecution gon" in nearby.err) == (2, True)
    assert "--server" not in nearby.err
    other = env.api.other
    env.removed("newest", other)
    latest = Line(env, env["admin"], other)("get", "awfx", "@latest", "-o", "name")
    assert names(latest) == ["newest"]


def timeless(text: str) -> list[str]:
    """The words of an output, without durations and the widths of columns."""
    return re.sub(r"\b\d+(?:\.\d+)?[smhd](?:\d+[smh])*\b", "DURATION", text).split()


def test_what_ended_and_was_removed_cannot_be_changed(env: HistoryEnvironment) -> None:
    line = Line(env, env["admin"])
    env.removed("fixed")
    ended = "has already ended: Succeeded, and only the history has it"
    for command in ("pause", "resume", "cancel"):
        done = line(command, "fixed")
        assert (done.code, done.out) == (0, f"workflowexecution/fixed {ended}\n"), done.err
    for words in ("approve fixed", "reject fixed --comment no", "signal fixed go"):
        done = line(*words.split())
        assert (done.code, done.err) == (2, f"error: fixed {ended}\n")
    done = line("delete", "fixed")
    assert (done.code, done.err) == (2, f"error: fixed {ONLY_RECORD}\n")
    done = line("rerun", "fixed", "--from", "hold")
    assert done.code == 2
    assert "with other variables, the whole Workflow runs again" in done.err
    env.api.admin.apply(workflow("w", **SPEC, variables=[{"name": "service", "type": "string"}]))
    done = line("rerun", "fixed", "--var", "service=orders", "--name", "fixed-again")
    assert done.code == 0, done.err
    assert env.api.admin.get("awfx", "fixed-again")["spec"]["variables"] == {"service": "orders"}
    delete(env.api.admin, "fixed-again")


def test_a_list_has_what_was_removed(env: HistoryEnvironment) -> None:
    line = Line(env, env["view"])
    env.removed("list-a", label="cli", phase="Failed", reason="Failed")
    env.history.record(env.ended("list-b", label="cli"))
    env.removed("list-c", label="cli")
    env.started("list-d", label="cli")
    listed = ("list", "-l", "list=cli", "-o", "name")
    assert sorted(names(line(*listed))) == ["list-a", "list-b", "list-c", "list-d"]
    assert names(line(*listed, "--sort-by", "{.metadata.name}"))[0] == "list-a"
    assert len(names(line(*listed, "--limit", "2"))) == 2
    assert names(line(*listed, "--failed", "--since", "1h", "w")) == ["list-a"]
    fields = "status.phase!=Failed,metadata.name!=list-d"
    assert sorted(names(line(*listed, "--field-selector", fields))) == ["list-b", "list-c"]
    gets = ("get", "executions", "-l", "list=cli")
    assert names(line(*gets, "-o", "name")) == ["list-a", "list-b", "list-c", "list-d"]
    some = line(*gets, "-o", "name", "--field-selector", "status.phase=Succeeded")
    assert names(some) == ["list-b", "list-c"]
    table = line(*gets)
    assert [row.split()[:3] for row in table.lines[1:3]] == [
        ["list-a", "w", "Failed"],
        ["list-b", "w", "Succeeded"],
    ]
    items = json.loads(line(*gets, "-o", "json").out)["items"]
    assert [one.get("fromHistory", False) for one in items] == [True, False, True, False]
    assert line("list", "never").out.startswith("there are no workflowexecutions")


def test_the_logs_of_an_execution_that_was_removed(env: HistoryEnvironment) -> None:
    line = Line(env, env["oncall"])
    nodes = {
        "hold": {"phase": "Failed", "attempts": 1, "job": "j", "startedAt": at(9)},
        "spare": {"phase": "Succeeded", "attempts": 1, "job": "k", "startedAt": at(8)},
    }
    raw = env.removed("logged", nodes=nodes, phase="Failed", reason="Failed")
    env.history.keep_log(raw, "hold", f"{at(90)} first", f"{at(8)} failed")
    env.history.keep_log(raw, "spare", f"{at(7)} second")
    whole = ["hold | first", "hold | failed", "spare | second"]
    choices: list[tuple[list[str], list[str]]] = [
        ([], whole),
        (["--follow"], whole),
        (["spare"], whole[2:]),
        (["--failed"], whole[:2]),
        (["--tail", "1"], whole[1:]),
        (["--since", "1h"], whole[1:]),
        (["spare", "--timestamps"], [f"spare | {at(7)} second"]),
    ]
    for options, expected in choices:
        done = line("logs", "logged", *options)
        assert (done.code, done.lines) == (0, expected), done.err
    unknown = line("logs", "logged", "spar")
    assert (unknown.code, "logged has no node spar" in unknown.err) == (2, True)
    gone = env.removed("unkept", nodes=nodes, phase="Failed", reason="Failed")
    assert gone["status"]["nodes"].keys() == {"hold", "spare"}
    assert "hold | (its pod was deleted, and its log with it)" in line("logs", "unkept").lines


def test_who_may_not_read_executions_is_refused_as_always(env: HistoryEnvironment) -> None:
    env.removed("private")
    env.history.keep_log(env.removed("quiet"), "hold", f"{at(8)} secret")
    none = Line(env, env["none"])
    for command in (
        ["get", "awfx", "private"],
        ["explain", "private"],
        ["logs", "quiet"],
        ["list"],
    ):
        done = none(*command)
        assert (done.code, "workflowexecutions" in done.err) == (2, True), done.err
        assert "secret" not in done.out + done.err
    bare = Line(env, env.with_rights("bare", "workflowexecutions"))
    assert bare("get", "awfx", "private").code == 0
    unread = bare("explain", "private")  # the revision takes a right of its own
    assert (unread.code, "controllerrevisions" in unread.err) == (0, True)
    assert "spare" not in unread.out
    refused = bare("logs", "quiet")
    assert (refused.code, "pods/log" in refused.err) == (2, True)
    assert "secret" not in refused.out
    # The routes of the API act for the user of the token, so what they have is left out.
    viewer = f"system:serviceaccount:{env.api.namespace}:view"
    other = Line(env, env["admin"])("get", "awfx", "private", "--as", viewer)
    assert (other.code, "there is no WorkflowExecution private" in other.err) == (2, True)
    elsewhere = Line(env, env["view"], env.api.other)("get", "awfx", "private")
    assert (elsewhere.code, "workflowexecutions" in elsewhere.err) == (2, True)


def test_without_the_database_live_answers_work_and_others_say_why(env: HistoryEnvironment) -> None:
    line = Line(env, env["oncall"])
    env.removed("lost")
    env.ended("there")
    env.server.halt()
    try:
        done = line("get", "awfx", "lost")
        assert done.code == 2
        assert done.err.endswith(
            "; the history may have it, but cannot be read: the database does not answer\n"
        )
        assert line("get", "awfx", "there").code == 0
        assert line("explain", "there").code == 0
        listed = line("list", "-o", "name")
        assert "workflowexecution/there" in listed.lines
        assert listed.err == "the history is left out: the database does not answer\n"
    finally:
        env.server.resume()
    eventually(lambda: line("get", "awfx", "lost").code == 0)


def test_without_the_api_the_command_to_type_is_named(env: HistoryEnvironment) -> None:
    env.removed("away")
    namespace = env.api.admin.namespace
    options = ["--kubeconfig", str(env.api.admin.kubeconfig), "-n", namespace]
    typed = {
        "get awfx away": "get awfx/away",
        "logs away": "logs away",
        "graph awfx/away": "graph awfx/away",
        "cancel away": "explain away",
    }
    for command, proposed in typed.items():
        done = run_here(*options, *command.split())
        assert done.code == 2
        assert done.err.splitlines()[0].startswith("error: there is no WorkflowExecution away")
        assert done.err.splitlines()[1:] == [
            "if it has been removed, the history may have it; read it through the REST API:",
            f"  orchestrator --server URL -n {namespace} {proposed}",
        ]
