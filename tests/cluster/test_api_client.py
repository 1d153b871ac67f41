"""The Python client, and the command line with `--server`, against an API on a real API server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from orchestrator.client import Client, Event, ProblemError, Stored
from orchestrator.client.schemas.execution import WorkflowExecution
from tests.admission_policies import POLICIES
from tests.chaos_proxy import ChaosProxy
from tests.cluster.api_environment import ApiEnvironment, api_environment
from tests.cluster.cli_scenario import (
    AFTER,
    WAITS,
    kubeconfig_with_token,
    run_scenario,
    scenario_steps,
)
from tests.cluster.user_environment import UserEnvironment, until_in_effect
from tests.commandline import CommandLine
from tests.conftest import fresh_namespace
from tests.documentation import DOCS, File, steps
from tests.kube import ROOT, Kubectl, ended, manifest, running_operator, workflow

TWO_STEPS = {"nodes": [WAITS, AFTER], "edges": [{"from": "hold", "to": "after"}]}


@pytest.fixture(scope="module")
def env(
    kubeconfig: Path, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ApiEnvironment]:
    folder = tmp_path_factory.mktemp("client")
    with api_environment(kubeconfig, folder) as env:
        env.admin("apply", "--server-side", "-f", POLICIES)
        until_in_effect(UserEnvironment(env.admin, {}))
        with running_operator(account, folder / "operator.log"):
            yield env
        env.admin("delete", "-f", POLICIES)


def client_of(env: ApiEnvironment, user: str, port: int = 0) -> Client:
    """A client of a user, in the namespace in which the user has a role."""
    server = f"http://127.0.0.1:{port or env[user].port}"
    return Client(server, token=env[user].token, namespace=env.namespace)


def name_of(started: Stored[WorkflowExecution]) -> str:
    return started.value["metadata"]["name"]


def start_approval(env: ApiEnvironment, name: str) -> dict[str, Any]:
    approver = f"user:system:serviceaccount:{env.namespace}:oncall"
    service = {"name": "service", "type": "string", "default": "none"}
    nodes = [{"name": "approve", "approval": {"approvers": [approver]}}, AFTER]
    edges = [{"from": "approve", "to": "after"}]
    return workflow(name, variables=[service], nodes=nodes, edges=edges)


def test_the_example_of_the_guide_starts_approves_and_follows(
    env: ApiEnvironment, tmp_path: Path
) -> None:
    env.admin.apply(start_approval(env, "restart"))
    (example,) = (
        one for one in steps((DOCS / "how-to/use-the-client.md").read_text())
        if isinstance(one, File)
    )  # fmt: skip
    file = tmp_path / example.name
    file.write_text(example.text)
    own = {
        "ORCHESTRATOR_SERVER": f"http://127.0.0.1:{env['oncall'].port}",
        "ORCHESTRATOR_TOKEN": env["oncall"].token,
        "PYTHONPATH": str(ROOT / "operator"),
    }

    def run(target: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(file), target]
        return subprocess.run(
            command, env={**os.environ, **own}, capture_output=True, text=True, timeout=300
        )

    done = run(f"{env.namespace}:restart")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "approve Waiting" in lines
    assert lines[-1] == "Succeeded"
    missing = run(f"{env.namespace}:restrat")
    assert missing.returncode == 1
    assert missing.stderr.startswith("404 Not Found: there is no Workflow restrat")
    assert "did you mean 'restart'" in missing.stderr


async def test_a_workflow_is_created_changed_by_its_version_and_refused_with_paths(
    env: ApiEnvironment,
) -> None:
    async with client_of(env, "edit") as client:
        made = await client.workflows.create({"metadata": {"name": "made"}, "spec": TWO_STEPS})
        assert made.created
        stale = made.etag
        changed = await client.workflows.patch("made", {"spec": {"title": "Second"}})
        assert changed.value["spec"].get("title") == "Second"
        with pytest.raises(ProblemError, match="has changed since you read it") as conflict:
            await client.workflows.patch("made", {"spec": {"title": "x"}}, if_match=stale)
        assert (conflict.value.status, conflict.value.title) == (412, "Precondition Failed")
        wrong: dict[str, Any] = {"nodes": [{"name": "a", "delai": "3s"}]}
        with pytest.raises(ProblemError) as invalid:
            await client.workflows.create({"metadata": {"name": "wrong"}, "spec": wrong})
        assert invalid.value.status == 422
        assert invalid.value.problems[0].path == "spec.nodes[0]"
        names = [one["metadata"]["name"] async for one in client.workflows.list(
            namespace=env.namespace, limit=1)]  # fmt: skip
        assert "made" in names
        await client.workflows.delete("made", if_match="*")
        with pytest.raises(ProblemError, match="there is no Workflow made"):
            await client.workflows.get("made")
    async with client_of(env, "none") as client:
        with pytest.raises(ProblemError, match="may not get workflows in namespace") as forbidden:
            await client.workflows.get("made")
        assert forbidden.value.status == 403


async def test_an_execution_is_started_once_controlled_and_its_log_read(
    env: ApiEnvironment,
) -> None:
    image = {"image": "busybox", "command": ["true"]}
    quiet = {"name": "quiet", "action": "local/quiet"}
    env.admin.apply(
        manifest("Template", "quiet", {"action": image}),
        workflow("steps", nodes=[WAITS, quiet], edges=[{"from": "hold", "to": "quiet"}]),
    )
    async with client_of(env, "oncall") as client:
        first = await client.workflows.execute("steps", idempotency_key="ticket-1")
        again = await client.workflows.execute("steps", idempotency_key="ticket-1")
        assert (first.created, again.created) == (True, False)
        assert first.value["metadata"]["uid"] == again.value["metadata"]["uid"]
        name = name_of(first)
        paused = await client.executions.pause(name)
        assert paused.value["spec"].get("desiredState") == "Paused"
        await client.executions.resume(name)
        await client.executions.signal(name, name="go")
        ended(env.admin, name)
        env.admin("delete", "pods", "--all", "--force", "--grace-period=0")
        lines = [line async for line in client.executions.logs(name, "quiet")]
        assert lines == ["quiet | (its pod was deleted, and its log with it)"]
        rerun = await client.executions.rerun(name, from_=["hold"])
        cancelled = await client.executions.cancel(name_of(rerun))
        assert cancelled.value["spec"].get("desiredState") == "Cancelled"
        assert ended(env.admin, name_of(rerun))["status"]["phase"] == "Cancelled"
        listed = client.executions.list(namespace=env.namespace, workflow="steps", limit=1)
        pages = [page async for page in listed.pages()]
        assert [len(page.items) for page in pages] == [1, 1]
        assert pages[0].total == 2


async def test_events_resume_where_a_network_cut_them(env: ApiEnvironment) -> None:
    env.admin.apply(workflow("cut", **TWO_STEPS))
    seen: list[Event] = []
    with ChaosProxy(f"http://127.0.0.1:{env['oncall'].port}").running() as proxy:
        async with (
            client_of(env, "oncall") as direct,
            client_of(env, "oncall", proxy.port) as client,
        ):
            name = name_of(await direct.workflows.execute("cut"))
            async for event in client.executions.events(name):
                seen.append(event)
                waits = event.data.get("nodes", {}).get("hold", {}).get("phase") == "Waiting"
                if waits and not proxy.cuts:
                    proxy.cut()
                    await direct.executions.signal(name, name="go")
    assert proxy.cuts > 0
    assert seen[-1].kind == "end"
    assert seen[-1].data == {"phase": "Succeeded"}
    assert any("after" in event.data.get("nodes", {}) for event in seen)


def test_the_command_line_prints_the_same_with_and_without_access_to_the_cluster(
    env: ApiEnvironment, tmp_path: Path
) -> None:
    user = env["admin"]
    config = kubeconfig_with_token(env.admin.kubeconfig, user.token, tmp_path / "user")
    near, far = (fresh_namespace(Kubectl(env.admin.kubeconfig)) for _ in range(2))
    direct = CommandLine(config, near.namespace)
    served = served_line(env, "admin", far.namespace, tmp_path)
    folders = [tmp_path / name for name in ("near", "far")]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor() as pool:  # side by side, since most of the time is waiting
        expected, found = pool.map(run_scenario, (direct, served), (near, far), folders)
    assert {text.splitlines()[-1] for text in expected} >= {"watch two: 4", "wait one: 0"}
    for ours, theirs in zip(expected, found, strict=True):
        assert theirs == ours


def served_line(env: ApiEnvironment, user: str, namespace: str, folder: Path) -> CommandLine:
    """The command line of a user who has no kubeconfig."""
    token = folder / f"token-{user}"
    token.write_text(env[user].token)
    server = f"--server=http://127.0.0.1:{env[user].port}"
    return CommandLine(folder / "none", namespace, (server, f"--token-file={token}"))


def test_what_the_api_does_not_serve_is_refused_plainly(
    env: ApiEnvironment, tmp_path: Path
) -> None:
    line = served_line(env, "admin", env.namespace, tmp_path)
    list(scenario_steps(tmp_path))
    others = line("apply", "-f", str(tmp_path / "other.yaml"))
    assert others.returncode == 2
    assert "needs access to the cluster: this API passes on no GET of /api/v1" in others.stderr
    restored = line("restore", "-f", "x")
    assert restored.stderr == (
        "error: restore needs access to the cluster: it writes statuses in the name of the"
        " operator; leave out --server\n"
    )
    stranger = served_line(env, "view", env.other.namespace, tmp_path)("list")
    assert stranger.returncode == 2
    assert "may not list workflowexecutions" in stranger.stderr
    bare = {"ORCHESTRATOR_SERVER": f"http://127.0.0.1:{env['view'].port}"}
    unnamed = CommandLine(tmp_path / "none", env.namespace, (), bare)("list")
    assert "give a token of a user of the cluster, with --token-file or in" in unnamed.stderr
    wrong = {**bare, "ORCHESTRATOR_TOKEN": "wrong"}
    rejected = CommandLine(tmp_path / "none", env.namespace, (), wrong)("list")
    assert rejected.stderr.startswith("error: the API server rejected your credentials:")
    known = {**bare, "ORCHESTRATOR_TOKEN": env["view"].token}
    listed = CommandLine(tmp_path / "none", env.namespace, (), known)("get", "awf", "-o", "json")
    assert json.loads(listed.stdout)["kind"] == "List"
    path = f"/kubernetes/api/v1/namespaces/{env.namespace}/secrets"
    assert env["admin"]("GET", path).status == 405
    assert env["anyone"]("GET", "/kubernetes/api/v1/pods").status == 401
