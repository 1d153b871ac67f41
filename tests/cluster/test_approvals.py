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

from tests.cluster.test_people import PATCHES, POLICIES, Place, until_in_effect
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
from tests.people import person

GROUPS = {"ana": ("sre",), "bob": ("sre",), "cas": (), "dot": (), "eve": ()}
ROLES = {"ana": ("oncall",), "bob": ("oncall",), "cas": ("run", "rerun"), "dot": ("run",)}
ASK = {"approvers": ["group:sre"], "excludeRequester": True}
GATE = workflow(
    "gate",
    nodes=[{"name": "ask", "approval": ASK}, {"name": "go", "transform": {"x": "1"}}],
    edges=[{"from": "ask", "to": "go"}],
)


@dataclass(frozen=True)
class People(Place):
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
def place(
    kubeconfig: Path, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[People]:
    folder = tmp_path_factory.mktemp("approvals")
    admin = fresh_namespace(Kubectl(kubeconfig))
    admin("apply", "--server-side", "-f", POLICIES)
    admin.apply(PATCHES, GATE)
    people = {user: person(kubeconfig, folder, user, *groups) for user, groups in GROUPS.items()}
    for user, roles in ROLES.items():
        for role in roles:
            clusterrole = f"--clusterrole=itechsmart-workflow-{role}"
            admin("create", "rolebinding", f"{user}-{role}", clusterrole, f"--user={user}")
    admin("create", "rolebinding", "eve", "--clusterrole=patches-only", "--user=eve")
    until_in_effect(Place(admin, people))
    with running_operator(account, folder / "log") as operator:
        yield People(admin, people, operator)
    admin("delete", "-f", POLICIES)


def test_who_began_a_chain_of_three_triggers_cannot_approve_at_its_end(place: People) -> None:
    stages = ["build", "test", "stage", "gate"]
    for name in stages[:3]:
        place.admin.apply(workflow(name, nodes=[{"name": "a", "transform": {"x": "1"}}]))
    for before, after in itertools.pairwise(stages):
        spec = {"workflow": after, "execution": {"workflow": before}}
        place.admin.apply(manifest("Trigger", f"after-{before}", spec))
    ready = "--for=condition=Ready"
    place.admin("wait", ready, "--timeout=30s", "awft", "--all")
    place.start("ana", "chain", "build")

    def last() -> Any:
        items = place.admin.get("awfx")["items"]
        return next(
            (raw for raw in items if raw["spec"].get("trigger", {}).get("depth") == 3), None
        )

    raw = eventually(last)
    name = raw["metadata"]["name"]
    assert (raw["spec"]["trigger"]["requester"], "requester" in raw["spec"]) == ("ana", False)
    place.waits(name)
    refused = place.cli("ana")("approve", name)
    assert (refused.returncode, "ana is behind the event" in refused.stderr) == (2, True)
    assert place.forge("ana", name, {"by": "ana", "groups": ["sre"]}) == ""
    eventually(lambda: "not counted: ana is behind" in place.record(name).get("message", ""))
    assert place.cli("bob")("approve", name).returncode == 0
    assert ended(place.admin, name)["status"]["nodes"]["ask"]["outputs"]["by"] == ["bob"]
    place.admin("delete", "awft", "--all")


def test_a_re_run_from_behind_a_sub_workflow_asks_its_approval_again(place: People) -> None:
    inner = workflow("inner", nodes=[{"name": "gate", "workflow": {"name": "gate"}}])
    nodes: list[dict[str, Any]] = [
        {"name": "build", "transform": {"x": "1"}},
        {"name": "inner", "workflow": {"name": "inner"}},
        {"name": "deploy", "transform": {"done": "'deployed by ' ~ execution.requester"}},
    ]
    edges = [{"from": "build", "to": "inner"}, {"from": "inner", "to": "deploy"}]
    place.admin.apply(inner, workflow("release", nodes=nodes, edges=edges))
    place.start("cas", "first", "release")
    _approve_inside(place, "first", "bob")
    assert ended(place.admin, "first")["status"]["phase"] == "Succeeded"

    refused = place.cli("dot")("rerun", "first", "--from", "deploy")
    assert (refused.returncode, "dot may not rerun" in refused.stderr) == (2, True)
    again = place.cli("cas")("rerun", "first", "--from", "deploy", "--name", "second")
    assert again.returncode == 0, again.stderr
    _approve_inside(place, "second", "ana")
    status = ended(place.admin, "second")["status"]
    reasons = {name: record.get("reason", "") for name, record in status["nodes"].items()}
    assert (reasons["build"], reasons["inner"]) == ("Reused", "")

    third = place.cli("ana")("rerun", "second", "--from", "deploy", "--name", "third")
    assert third.returncode == 0, third.stderr
    assert "ana started the execution" in _inside(place, "third", "ana").stderr
    _approve_inside(place, "third", "bob")
    deployed = ended(place.admin, "third")["status"]["nodes"]["deploy"]["outputs"]
    assert deployed == {"done": "deployed by ana"}


def _inside(place: People, name: str, user: str) -> Any:
    """What a person is told who types the command that is shown for what waits inside."""
    cli = place.cli(user)
    eventually(lambda: "waiting in its sub-executions:" in cli("approve", name).stderr)
    command = cli("approve", name).stderr.splitlines()[-1].split()
    return cli(*command[1:])


def _approve_inside(place: People, name: str, user: str) -> None:
    listed = eventually(
        lambda: " ask " in (said := place.cli(user)("get", "approvals").stdout) and said
    )
    assert "orchestrator -n" in listed
    done = _inside(place, name, user)
    assert done.returncode == 0, done.stderr


def test_a_decision_is_replaced_by_its_author_only(place: People) -> None:
    two = {"approvers": ["group:sre"], "required": 2}
    place.admin.apply(workflow("two", nodes=[{"name": "ask", "approval": two}]))
    place.start("cas", "votes", "two")
    place.waits("votes")
    mine = {"by": "ana", "groups": ["sre"], "comment": "by kubectl", "inputs": {"old": 1}}
    assert place.forge("ana", "votes", mine) == ""
    assert "by must be bob" in place.forge("bob", "votes", {**mine, "decision": "Reject"})
    assert "by must be eve" in place.forge("eve", "votes", {**mine, "decision": "Reject"})
    assert "cannot be taken back" in place.patch("ana", "votes", {"decisions": []})
    replaced = place.cli("ana")("approve", "votes", "-m", "on second thoughts")
    assert "in place of Approve" in replaced.stdout, replaced.stderr
    entry = place.admin.get("awfx", "votes")["spec"]["decisions"][0]
    assert (entry["comment"], "inputs" in entry) == ("on second thoughts", False)
    assert place.cli("ana")("reject", "votes").returncode == 0
    status = ended(place.admin, "votes")["status"]
    assert status["nodes"]["ask"]["reason"] == "Rejected"
    late = place.forge("ana", "votes", {"by": "ana", "groups": ["sre"]})
    assert "does not wait for a decision" in late


def test_what_is_forged_while_neither_policies_nor_operator_are_there_never_counts(
    place: People,
) -> None:
    place.start("cas", "old", "gate")
    place.waits("old")
    place.operator.kill()
    place.admin("delete", "-f", POLICIES)
    eventually(lambda: place.forge("eve", "old", {"by": "ana", "groups": ["sre"]}) == "")
    forged = execution("gate", "forged", requester="bob")
    assert place["eve"].attempt("create", "-f", "-", stdin=json.dumps(forged)).returncode == 0
    place.admin("apply", "--server-side", "-f", POLICIES)
    until_in_effect(place)
    place.operator.start()
    said = "ana decided before the admission policies were in place as they are now"
    eventually(lambda: said in place.record("old").get("message", ""))
    assert ended(place.admin, "forged")["status"]["nodes"]["ask"]["reason"] == "RequesterUnknown"
    assert place.cli("bob")("approve", "old").returncode == 0
    assert ended(place.admin, "old")["status"]["nodes"]["ask"]["outputs"]["by"] == ["bob"]


def test_what_is_forged_while_one_binding_is_softened_never_counts(place: People) -> None:
    place.start("cas", "soft", "gate")
    place.waits("soft")
    binding = "validatingadmissionpolicybinding/itechsmart-workflow-people"
    soften = '{"spec":{"validationActions":["Audit"]}}'
    place.admin("patch", binding, "--type=merge", "-p", soften)
    try:
        eventually(lambda: place.forge("eve", "soft", {"by": "ana", "groups": ["sre"]}) == "")
    finally:
        restore = '{"spec":{"validationActions":["Deny"]}}'
        place.admin("patch", binding, "--type=merge", "-p", restore)
    said = "ana decided before the admission policies were in place as they are now"
    eventually(lambda: said in place.record("soft").get("message", ""))
    assert place.cli("ana")("approve", "soft").returncode == 0
    assert ended(place.admin, "soft")["status"]["nodes"]["ask"]["outputs"]["by"] == ["ana"]
