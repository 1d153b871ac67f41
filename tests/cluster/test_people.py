"""Who may decide, signal, control and write status: the API server checks it, for real people.

ana (group sre) and bob (group sre) may approve; cas may start and nothing else; dot holds control
and signal; eve may patch executions, and holds none of our verbs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.engine.people.protection import POLICY_SETTLE_SECONDS
from orchestrator.engine.times import from_rfc3339
from tests.account import INSTALL
from tests.commandline import CommandLine
from tests.conftest import fresh_namespace
from tests.kube import ROOT, Kubectl, ended, eventually, execution, running_operator, workflow
from tests.people import person

PEOPLE = {
    "ana": ("sre",),
    "bob": ("sre",),
    "cas": (),
    "dot": (),
    "eve": (),
}
ROLES = {
    "ana": ("run", "approve"),
    "bob": ("approve",),
    "cas": ("run",),
    "dot": ("run", "control", "signal"),
    "eve": (),
}
PATCHES = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "patches-only"},
    "rules": [
        {
            "apiGroups": ["automation.itechsmart.dev"],
            "resources": ["workflowexecutions", "workflowexecutions/status"],
            "verbs": ["get", "list", "create", "patch", "update"],
        }
    ],
}
POLICIES = str(INSTALL / "policies.yaml")


@dataclass(frozen=True)
class Place:
    """A namespace, with kubectl and the command line of each person in it."""

    admin: Kubectl
    people: dict[str, Path]

    def __getitem__(self, user: str) -> Kubectl:
        return Kubectl(self.people[user], self.admin.namespace)

    def cli(self, user: str) -> CommandLine:
        return CommandLine(self.people[user], self.admin.namespace)

    def patch(self, user: str, name: str, spec: dict[str, Any]) -> str:
        """What the API server says to a merge patch; empty when it took it."""
        return self.merge(user, name, {"spec": spec})

    def merge(self, user: str, name: str, body: dict[str, Any], *options: str) -> str:
        """The same of a patch of more than the spec; it may be longer than an argument."""
        command = ("patch", "awfx", name, "--type=merge", "--patch-file=/dev/stdin", *options)
        done = self[user].attempt(*command, stdin=json.dumps(body))
        return "" if done.returncode == 0 else done.stderr

    def refused(self, user: str, spec: dict[str, Any], **metadata: Any) -> str:
        """What the API server says to the creation of an execution."""
        raw = execution("ask", "run", **spec)
        raw["metadata"] |= metadata
        done = self[user].attempt("create", "-f", "-", stdin=json.dumps(raw))
        return "" if done.returncode == 0 else done.stderr


@pytest.fixture(scope="module")
def people(
    kubeconfig: Path, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Path]]:
    """Certificates for all, the policies in place and in effect, and an operator."""
    folder = tmp_path_factory.mktemp("people")
    kubectl = Kubectl(kubeconfig)
    kubectl("apply", "--server-side", "-f", POLICIES)
    kubectl.apply(PATCHES)
    made = {user: person(kubeconfig, folder, user, *groups) for user, groups in PEOPLE.items()}
    with running_operator(account, folder / "log"):
        yield made
    kubectl("delete", "-f", POLICIES)


@pytest.fixture
def place(kubeconfig: Path, people: dict[str, Path]) -> Place:
    admin = fresh_namespace(Kubectl(kubeconfig))
    for user, roles in ROLES.items():
        for role in roles:
            named = f"{user}-{role}"
            clusterrole = f"--clusterrole=itechsmart-workflow-{role}"
            admin("create", "rolebinding", named, clusterrole, f"--user={user}")
    admin("create", "rolebinding", "eve", "--clusterrole=patches-only", "--user=eve")
    place = Place(admin, people)
    until_in_effect(place)
    return place


def until_in_effect(place: Place) -> None:
    """Wait until the API server enforces the policies and the operator believes what it checked."""
    eventually(lambda: "by must be" in _probe(place))
    stored = place.admin.get("validatingadmissionpolicybindings", "itechsmart-workflow-people")
    created = from_rfc3339(stored["metadata"]["creationTimestamp"])
    eventually(lambda: time.time() > created + POLICY_SETTLE_SECONDS + 1)


def _probe(place: Place) -> str:
    place.admin("delete", "awfx", "probe", "--ignore-not-found")
    place.admin.create(execution("none", "probe"))
    forged = {"signals": [{"id": "1", "name": "go", "by": "nobody"}]}
    body = json.dumps({"spec": forged})
    done = place.admin.attempt("patch", "awfx", "probe", "--type=merge", "-p", body)
    return done.stderr


def asking(place: Place, **approval: Any) -> None:
    """An execution `run`, started by cas, that waits for an approval."""
    ask = {"approvers": ["group:sre"], **approval}
    nodes = [{"name": "ask", "approval": ask}, {"name": "done", "transform": {"x": "1"}}]
    place.admin.apply(workflow("ask", nodes=nodes, edges=[{"from": "ask", "to": "done"}]))
    assert place.refused("cas", {"requester": "cas"}) == ""
    eventually(lambda: node(place)["phase"] == "Waiting")


def node(place: Place, name: str = "ask") -> dict[str, Any]:
    status = place.admin.get("awfx", "run").get("status", {})
    found: dict[str, Any] = status.get("nodes", {}).get(name, {"phase": ""})
    return found


def decision(by: str, verdict: str = "Approve", **more: Any) -> dict[str, Any]:
    return {"decisions": [{"node": "ask", "by": by, "decision": verdict, **more}]}


def test_two_people_of_the_group_approve_in_their_own_names(place: Place) -> None:
    asking(place, required=2)
    first = place.cli("ana")("approve", "run", "--comment", "looks fine")
    assert (first.returncode, first.stdout) == (0, "workflowexecution/run: ana approved ask\n")
    eventually(lambda: "1 of 2 approved (ana)" in node(place).get("message", ""))
    second = place.cli("bob")("approve", "run", "ask")
    assert second.returncode == 0, second.stderr
    status = ended(place.admin, "run")["status"]
    assert status["phase"] == "Succeeded"
    assert status["nodes"]["ask"]["outputs"]["by"] == ["ana", "bob"]
    decisions = place.admin.get("awfx", "run")["spec"]["decisions"]
    assert [entry["by"] for entry in decisions] == ["ana", "bob"]
    assert "sre" in decisions[0]["groups"]


def test_one_who_rejects_fails_it(place: Place) -> None:
    asking(place, required=2)
    assert place.cli("ana")("approve", "run").returncode == 0
    done = place.cli("bob")("reject", "run", "-m", "not today")
    assert done.returncode == 0, done.stderr
    record = ended(place.admin, "run")["status"]["nodes"]["ask"]
    assert (record["reason"], record["message"]) == ("Rejected", "bob rejected it: not today")


def test_a_forged_name_is_refused(place: Place) -> None:
    asking(place)
    said = place.patch("ana", "run", decision("bob", groups=["sre"]))
    assert "by must be ana, who decides" in said


def test_forged_groups_are_refused(place: Place) -> None:
    asking(place)
    said = place.patch("ana", "run", decision("ana", groups=["sre", "admins"]))
    assert "groups must be some of those of ana" in said


def test_a_decision_without_the_verb_is_refused(place: Place) -> None:
    asking(place)
    said = place.patch("eve", "run", decision("eve"))
    assert "eve may not approve or reject: it requires the verb approve" in said
    assert "forbidden" in place.patch("cas", "run", decision("cas")).lower()


def test_a_decision_for_a_node_that_does_not_wait_is_refused(place: Place) -> None:
    asking(place)
    entry = {"node": "done", "by": "ana", "decision": "Approve"}
    said = place.patch("ana", "run", {"decisions": [entry]})
    assert "the node does not wait for a decision" in said
    done = place.cli("ana")("approve", "run", "done")
    assert (done.returncode, "waiting: ask" in done.stderr) == (2, True)


def test_who_is_excluded_as_requester_counts_for_nothing(place: Place) -> None:
    ask = {"approvers": ["group:sre"], "excludeRequester": True}
    place.admin.apply(workflow("ask", nodes=[{"name": "ask", "approval": ask}]))
    assert place.refused("ana", {"requester": "ana"}) == ""
    eventually(lambda: node(place)["phase"] == "Waiting")
    refused = place.cli("ana")("approve", "run")
    assert (refused.returncode, "ana started the execution" in refused.stderr) == (2, True)
    assert place.patch("ana", "run", decision("ana", groups=["sre"])) == ""
    eventually(lambda: "ana started the execution" in node(place).get("message", ""))
    assert place.cli("bob")("approve", "run").returncode == 0
    assert ended(place.admin, "run")["status"]["nodes"]["ask"]["outputs"]["by"] == ["bob"]


def test_an_execution_begins_in_ones_own_name_and_without_decisions(place: Place) -> None:
    assert "leave it out or write cas, who asks" in place.refused("cas", {"requester": "ana"})
    trigger = {"type": "schedule", "name": "nightly"}
    assert "only who has the verb trigger" in place.refused("cas", {"trigger": trigger})
    uid = "6a9f0b1e-0000-4000-8000-000000000000"
    parent = {"name": "p", "uid": uid, "node": "a", "depth": 1}
    assert "only who has the verb trigger" in place.refused("cas", {"parent": parent})
    begun = place.refused("cas", decision("cas"))
    assert "an execution begins without" in begun
    signals = {"signals": [{"id": "1", "name": "go", "by": "cas"}]}
    assert "an execution begins without" in place.refused("cas", signals)


def test_control_takes_its_verb(place: Place) -> None:
    asking(place)
    said = place.patch("eve", "run", {"desiredState": "Paused"})
    assert "eve may not pause, resume or cancel: it requires the verb control" in said
    assert place.cli("dot")("pause", "run").returncode == 0
    eventually(lambda: place.admin.get("awfx", "run")["status"]["phase"] == "Paused")
    again = place.cli("dot")("pause", "run")
    assert again.stdout == "workflowexecution/run already has the desired state Paused\n"
    assert place.cli("dot")("resume", "run").returncode == 0
    done = place.cli("dot")("cancel", "run", "--wait")
    assert done.returncode == 4, done.stderr
    softer = place.cli("dot")("pause", "run")
    assert softer.stdout == "workflowexecution/run has already ended: Cancelled\n"


def test_a_signal_takes_its_verb_and_the_senders_name(place: Place) -> None:
    nodes = [{"name": "ask", "wait": {"signal": "go"}}]
    place.admin.apply(workflow("ask", nodes=nodes))
    assert place.refused("dot", {}) == ""
    eventually(lambda: node(place)["phase"] == "Waiting")
    signal = {"id": "1", "name": "go", "by": "eve"}
    said = place.patch("eve", "run", {"signals": [signal]})
    assert "eve may not signal: it requires the verb signal" in said
    forged = place.patch("dot", "run", {"signals": [signal]})
    assert "by must be dot, who signals" in forged
    sent = place.cli("dot")("signal", "run", "go", "--payload", '{"ready": true}', "--id", "one")
    assert sent.stdout == "workflowexecution/run: sent go as one\n"
    outputs = ended(place.admin, "run")["status"]["nodes"]["ask"]["outputs"]
    assert outputs == {"payload": {"ready": True}, "by": "dot", "id": "one"}


@pytest.mark.parametrize("user", ["eve", "admin"])
def test_only_the_operator_writes_status(place: Place, user: str) -> None:
    asking(place)
    kubectl = place.admin if user == "admin" else place[user]
    body = '{"status":{"phase":"Succeeded"}}'
    done = kubectl.attempt(
        "patch", "awfx", "run", "--subresource=status", "--type=merge", "-p", body
    )
    assert "only the operator writes what an execution has come to" in done.stderr
    assert node(place)["phase"] == "Waiting"


def test_who_may_start_may_not_change(place: Place) -> None:
    asking(place)
    assert "forbidden" in place.patch("cas", "run", {"desiredState": "Cancelled"}).lower()


def test_the_example_of_an_approval_asks_for_a_ticket(place: Place) -> None:
    example = str(ROOT / "manifests/examples/approval.yaml")
    place.admin("apply", "--server-side", "-f", str(ROOT / "manifests/catalog/actions"))
    place.admin("apply", "--server-side", "-f", example)
    raw = execution("approval", "run", requester="ana")
    assert place["ana"].attempt("create", "-f", "-", stdin=json.dumps(raw)).returncode == 0
    eventually(lambda: node(place, "confirm")["phase"] == "Waiting")
    refused = place.cli("bob")("approve", "run", "--input", "ticket=12")
    assert (refused.returncode, "inputs.ticket" in refused.stderr) == (2, True)
    wrong = {"node": "confirm", "by": "bob", "decision": "Approve", "groups": ["sre"]}
    assert place.patch("bob", "run", {"decisions": [wrong | {"inputs": {"ticket": "12"}}]}) == ""
    eventually(lambda: "inputs.ticket" in node(place, "confirm").get("message", ""))
    told = CommandLine(place.admin.kubeconfig, place.admin.namespace)("explain", "run", "confirm")
    assert "bob gave invalid inputs" in told.stdout
    again = place.cli("bob")("approve", "run", "--input", "ticket=OPS-12")
    assert "bob approved confirm, in place of Approve" in again.stdout, again.stderr
    eventually(lambda: node(place, "confirm")["phase"] == "Succeeded")
    assert node(place, "confirm")["outputs"]["inputs"] == {"bob": {"ticket": "OPS-12"}}


def test_without_the_policies_an_approval_waits_and_what_is_written_never_counts(
    place: Place,
) -> None:
    place.admin("delete", "-f", POLICIES)
    try:
        eventually(lambda: _gone(place))
        ask = {"approvers": ["user:eve", "group:sre"]}
        place.admin.apply(workflow("ask", nodes=[{"name": "ask", "approval": ask}]))
        assert place.refused("eve", {"requester": "ana"}) == ""
        eventually(lambda: node(place).get("reason") == "ApprovalsUnprotected", 45)
        assert place.patch("eve", "run", decision("eve")) == ""
        refused = place.cli("ana")("approve", "run")
        assert (refused.returncode, "no decision counts now" in refused.stderr) == (2, True)
        assert node(place)["phase"] == "Waiting"
    finally:
        place.admin("apply", "--server-side", "-f", POLICIES)
    said = "eve decided before the admission policies were in place as they are now"
    eventually(lambda: said in node(place).get("message", ""), POLICY_SETTLE_SECONDS + 45)
    assert place.admin.get("awfx", "run")["status"]["trust"]["requesterUnknown"] is True
    assert place.cli("ana")("approve", "run").returncode == 0
    assert ended(place.admin, "run")["status"]["nodes"]["ask"]["outputs"]["by"] == ["ana"]


def test_the_example_of_a_wait_goes_on_with_its_signal(place: Place) -> None:
    example = yaml.safe_load((ROOT / "manifests/examples/wait.yaml").read_text())
    # A fake node's pod writes no outputs: what is tested here is the signal.
    smoke = {"name": "smoke", "transform": {"of": "nodes.deployed.outputs.payload.version"}}
    nodes = [smoke if node["name"] == "smoke" else node for node in example["spec"]["nodes"]]
    place.admin.apply({**example, "spec": {**example["spec"], "nodes": nodes}})
    place.admin.create(execution("wait", "run"))
    eventually(lambda: node(place, "deployed")["phase"] == "Waiting")
    sent = place.cli("dot")("signal", "run", "deployed", "--payload", '{"version": "1.2"}')
    assert sent.returncode == 0, sent.stderr
    assert ended(place.admin, "run")["status"]["outputs"] == {"text": "tested 1.2"}


def _gone(place: Place) -> bool:
    return "by must be" not in _probe(place)
