"""Ways around an approval, tried by real people, and decisions that are got right in the end.

ana and bob (group sre) hold oncall; cas holds run and rerun; dot holds run alone; eve may patch.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.admission_policies import POLICIES
from tests.cluster.user_environment import PATCHES, UserEnvironment, until_in_effect
from tests.conftest import fresh_namespace
from tests.kube import (
    Kubectl,
    Operator,
    ended,
    eventually,
    execution,
    manifest,
    running_operator,
    workflow,
)
from tests.users import user_kubeconfig

GROUPS = {"ana": ("sre",), "bob": ("sre",), "cas": (), "dot": (), "eve": ()}
ROLES = {"ana": ("oncall",), "bob": ("oncall",), "cas": ("run", "rerun"), "dot": ("run",)}
ASK = {"approvers": ["group:sre"], "excludeRequester": True}
GATE = workflow(
    "gate",
    nodes=[{"name": "ask", "approval": ASK}, {"name": "go", "transform": {"x": "1"}}],
    edges=[{"from": "ask", "to": "go"}],
)


@dataclass(frozen=True)
class People(UserEnvironment):
    """The same with the operator, which can be stopped."""

    operator: Operator

    def start(self, user: str, name: str, flow: str, **spec: Any) -> None:
        raw = execution(flow, name, requester=user, **spec)
        done = self[user].attempt("create", "-f", "-", stdin=json.dumps(raw))
        assert done.returncode == 0, done.stderr

    def waits(self, name: str, node: str = "ask") -> dict[str, Any]:
        """The record of an approval, once it waits for decisions that count."""

        def check() -> Any:
            record = self.record(name, node)
            return record.get("reason") == "AwaitingApproval" and record

        found: dict[str, Any] = eventually(check)
        return found

    def record(self, name: str, node: str = "ask") -> dict[str, Any]:
        nodes = self.admin.get("awfx", name).get("status", {}).get("nodes", {})
        found: dict[str, Any] = nodes.get(node, {})
        return found

    def forge(self, user: str, name: str, *decisions: dict[str, Any]) -> str:
        entries = [{"node": "ask", "decision": "Approve", **entry} for entry in decisions]
        return self.patch(user, name, {"decisions": entries})


@pytest.fixture(scope="module")
def env(
    kubeconfig: Path, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[People]:
    folder = tmp_path_factory.mktemp("approvals")
    admin = fresh_namespace(Kubectl(kubeconfig))
    admin("apply", "--server-side", "-f", POLICIES)
    admin.apply(PATCHES, GATE)
    people = {
        user: user_kubeconfig(kubeconfig, folder, user, *groups) for user, groups in GROUPS.items()
    }
    for user, roles in ROLES.items():
        for role in roles:
            clusterrole = f"--clusterrole=itechsmart-workflow-{role}"
            admin("create", "rolebinding", f"{user}-{role}", clusterrole, f"--user={user}")
    admin("create", "rolebinding", "eve", "--clusterrole=patches-only", "--user=eve")
    until_in_effect(UserEnvironment(admin, people))
    with running_operator(account, folder / "log") as operator:
        yield People(admin, people, operator)
    admin("delete", "-f", POLICIES)


def test_who_began_a_chain_of_three_triggers_cannot_approve_at_its_end(env: People) -> None:
    stages = ["build", "test", "stage", "gate"]
    for name in stages[:3]:
        env.admin.apply(workflow(name, nodes=[{"name": "a", "transform": {"x": "1"}}]))
    for before, after in itertools.pairwise(stages):
        spec = {"workflow": after, "execution": {"workflow": before}}
        env.admin.apply(manifest("Trigger", f"after-{before}", spec))
    ready = "--for=condition=Ready"
    env.admin("wait", ready, "--timeout=30s", "awft", "--all")
    env.start("ana", "chain", "build")

    def last() -> Any:
        items = env.admin.get("awfx")["items"]
        return next(
            (raw for raw in items if raw["spec"].get("trigger", {}).get("depth") == 3), None
        )

    raw = eventually(last)
    name = raw["metadata"]["name"]
    assert (raw["spec"]["trigger"]["requester"], "requester" in raw["spec"]) == ("ana", False)
    env.waits(name)
    refused = env.cli("ana")("approve", name)
    assert (refused.returncode, "ana is behind the event" in refused.stderr) == (2, True)
    assert env.forge("ana", name, {"by": "ana", "groups": ["sre"]}) == ""
    eventually(lambda: "not counted: ana is behind" in env.record(name).get("message", ""))
    assert env.cli("bob")("approve", name).returncode == 0
    assert ended(env.admin, name)["status"]["nodes"]["ask"]["outputs"]["by"] == ["bob"]
    env.admin("delete", "awft", "--all")


def test_a_re_run_from_behind_a_sub_workflow_asks_its_approval_again(env: People) -> None:
    inner = workflow("inner", nodes=[{"name": "gate", "workflow": {"name": "gate"}}])
    nodes: list[dict[str, Any]] = [
        {"name": "build", "transform": {"x": "1"}},
        {"name": "inner", "workflow": {"name": "inner"}},
        {"name": "deploy", "transform": {"done": "'deployed by ' ~ execution.requester"}},
    ]
    edges = [{"from": "build", "to": "inner"}, {"from": "inner", "to": "deploy"}]
    env.admin.apply(inner, workflow("release", nodes=nodes, edges=edges))
    env.start("cas", "first", "release")
    _approve_inside(env, "first", "bob")
    assert ended(env.admin, "first")["status"]["phase"] == "Succeeded"

    refused = env.cli("dot")("rerun", "first", "--from", "deploy")
    assert (refused.returncode, "dot may not rerun" in refused.stderr) == (2, True)
    again = env.cli("cas")("rerun", "first", "--from", "deploy", "--name", "second")
    assert again.returncode == 0, again.stderr
    _approve_inside(env, "second", "ana")
    status = ended(env.admin, "second")["status"]
    reasons = {name: record.get("reason", "") for name, record in status["nodes"].items()}
    assert (reasons["build"], reasons["inner"]) == ("Reused", "")

    third = env.cli("ana")("rerun", "second", "--from", "deploy", "--name", "third")
    assert third.returncode == 0, third.stderr
    assert "ana started the execution" in _inside(env, "third", "ana").stderr
    _approve_inside(env, "third", "bob")
    deployed = ended(env.admin, "third")["status"]["nodes"]["deploy"]["outputs"]
    assert deployed == {"done": "deployed by ana"}


def _inside(env: People, name: str, user: str) -> Any:
    """What a person is told who types the command that is shown for what waits inside."""
    cli = env.cli(user)
    eventually(lambda: "waiting in its sub-executions:" in cli("approve", name).stderr)
    command = cli("approve", name).stderr.splitlines()[-1].split()
    return cli(*command[1:])


def _approve_inside(env: People, name: str, user: str) -> None:
    listed = eventually(
        lambda: " ask " in (said := env.cli(user)("get", "approvals").stdout) and said
    )
    assert "orchestrator -n" in listed
    done = _inside(env, name, user)
    assert done.returncode == 0, done.stderr


def test_a_decision_is_replaced_by_its_author_only(env: People) -> None:
    two = {"approvers": ["group:sre"], "required": 2}
    env.admin.apply(workflow("two", nodes=[{"name": "ask", "approval": two}]))
    env.start("cas", "votes", "two")
    env.waits("votes")
    mine = {"by": "ana", "groups": ["sre"], "comment": "by kubectl", "inputs": {"old": 1}}
    assert env.forge("ana", "votes", mine) == ""
    assert "by must be bob" in env.forge("bob", "votes", {**mine, "decision": "Reject"})
    assert "by must be eve" in env.forge("eve", "votes", {**mine, "decision": "Reject"})
    assert "cannot be taken back" in env.patch("ana", "votes", {"decisions": []})
    replaced = env.cli("ana")("approve", "votes", "-m", "on second thoughts")
    assert "in place of Approve" in replaced.stdout, replaced.stderr
    entry = env.admin.get("awfx", "votes")["spec"]["decisions"][0]
    assert (entry["comment"], "inputs" in entry) == ("on second thoughts", False)
    assert env.cli("ana")("reject", "votes").returncode == 0
    status = ended(env.admin, "votes")["status"]
    assert status["nodes"]["ask"]["reason"] == "Rejected"
    late = env.forge("ana", "votes", {"by": "ana", "groups": ["sre"]})
    assert "does not wait for a decision" in late


def test_what_is_forged_while_neither_policies_nor_operator_are_there_never_counts(
    env: People,
) -> None:
    env.start("cas", "old", "gate")
    env.waits("old")
    env.operator.kill()
    env.admin("delete", "-f", POLICIES)
    eventually(lambda: env.forge("eve", "old", {"by": "ana", "groups": ["sre"]}) == "")
    forged = execution("gate", "forged", requester="bob")
    assert env["eve"].attempt("create", "-f", "-", stdin=json.dumps(forged)).returncode == 0
    env.admin("apply", "--server-side", "-f", POLICIES)
    until_in_effect(env)
    env.operator.start()
    said = "ana decided before the admission policies were in place as they are now"
    eventually(lambda: said in env.record("old").get("message", ""))
    assert ended(env.admin, "forged")["status"]["nodes"]["ask"]["reason"] == "RequesterUnknown"
    assert env.cli("bob")("approve", "old").returncode == 0
    assert ended(env.admin, "old")["status"]["nodes"]["ask"]["outputs"]["by"] == ["bob"]


def test_what_is_forged_while_one_binding_is_softened_never_counts(env: People) -> None:
    env.start("cas", "soft", "gate")
    env.waits("soft")
    binding = "validatingadmissionpolicybinding/itechsmart-workflow-people"
    soften = '{"spec":{"validationActions":["Audit"]}}'
    env.admin("patch", binding, "--type=merge", "-p", soften)
    try:
        eventually(lambda: env.forge("eve", "soft", {"by": "ana", "groups": ["sre"]}) == "")
    finally:
        restore = '{"spec":{"validationActions":["Deny"]}}'
        env.admin("patch", binding, "--type=merge", "-p", restore)
    said = "ana decided before the admission policies were in place as they are now"
    eventually(lambda: said in env.record("soft").get("message", ""))
    assert env.cli("ana")("approve", "soft").returncode == 0
    assert ended(env.admin, "soft")["status"]["nodes"]["ask"]["outputs"]["by"] == ["ana"]
