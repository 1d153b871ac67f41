"""Who may decide, signal, control and write status: the API server checks it, for real people.

ana (group sre) and bob (group sre) may approve; cas may start and nothing else; dot holds control
and signal; eve may patch executions, and holds none of our verbs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from orchestrator.engine.people.protection import POLICY_SETTLE_SECONDS
from tests.admission_policies import POLICIES
from tests.cluster.user_environment import (
    PATCHES,
    UserEnvironment,
    decision,
    node,
    start_approval,
    until_in_effect,
    write_forged_signal,
)
from tests.commandline import CommandLine
from tests.conftest import fresh_namespace
from tests.kube import ROOT, Kubectl, ended, eventually, execution, running_operator, workflow
from tests.users import user_kubeconfig

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


@pytest.fixture(scope="module")
def people(
    kubeconfig: Path, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Path]]:
    """Certificates for all, the policies in place and in effect, and an operator."""
    folder = tmp_path_factory.mktemp("people")
    kubectl = Kubectl(kubeconfig)
    kubectl("apply", "--server-side", "-f", POLICIES)
    kubectl.apply(PATCHES)
    made = {
        user: user_kubeconfig(kubeconfig, folder, user, *groups) for user, groups in PEOPLE.items()
    }
    with running_operator(account, folder / "log"):
        yield made
    kubectl("delete", "-f", POLICIES)


@pytest.fixture
def env(kubeconfig: Path, people: dict[str, Path]) -> UserEnvironment:
    admin = fresh_namespace(Kubectl(kubeconfig))
    for user, roles in ROLES.items():
        for role in roles:
            named = f"{user}-{role}"
            clusterrole = f"--clusterrole=itechsmart-workflow-{role}"
            admin("create", "rolebinding", named, clusterrole, f"--user={user}")
    admin("create", "rolebinding", "eve", "--clusterrole=patches-only", "--user=eve")
    env = UserEnvironment(admin, people)
    until_in_effect(env)
    return env


def test_two_people_of_the_group_approve_in_their_own_names(env: UserEnvironment) -> None:
    start_approval(env, required=2)
    first = env.cli("ana")("approve", "run", "--comment", "looks fine")
    assert (first.returncode, first.stdout) == (0, "workflowexecution/run: ana approved ask\n")
    eventually(lambda: "1 of 2 approved (ana)" in node(env).get("message", ""))
    second = env.cli("bob")("approve", "run", "ask")
    assert second.returncode == 0, second.stderr
    status = ended(env.admin, "run")["status"]
    assert status["phase"] == "Succeeded"
    assert status["nodes"]["ask"]["outputs"]["by"] == ["ana", "bob"]
    decisions = env.admin.get("awfx", "run")["spec"]["decisions"]
    assert [entry["by"] for entry in decisions] == ["ana", "bob"]
    assert "sre" in decisions[0]["groups"]


def test_one_who_rejects_fails_it(env: UserEnvironment) -> None:
    start_approval(env, required=2)
    assert env.cli("ana")("approve", "run").returncode == 0
    done = env.cli("bob")("reject", "run", "-m", "not today")
    assert done.returncode == 0, done.stderr
    record = ended(env.admin, "run")["status"]["nodes"]["ask"]
    assert (record["reason"], record["message"]) == ("Rejected", "bob rejected it: not today")


def test_a_forged_name_is_refused(env: UserEnvironment) -> None:
    start_approval(env)
    said = env.patch("ana", "run", decision("bob", groups=["sre"]))
    assert "by must be ana, who decides" in said


def test_forged_groups_are_refused(env: UserEnvironment) -> None:
    start_approval(env)
    said = env.patch("ana", "run", decision("ana", groups=["sre", "admins"]))
    assert "groups must be some of those of ana" in said


def test_a_decision_without_the_verb_is_refused(env: UserEnvironment) -> None:
    start_approval(env)
    said = env.patch("eve", "run", decision("eve"))
    assert "eve may not approve or reject: it requires the verb approve" in said
    assert "forbidden" in env.patch("cas", "run", decision("cas")).lower()


def test_a_decision_for_a_node_that_does_not_wait_is_refused(env: UserEnvironment) -> None:
    start_approval(env)
    entry = {"node": "done", "by": "ana", "decision": "Approve"}
    said = env.patch("ana", "run", {"decisions": [entry]})
    assert "the node does not wait for a decision" in said
    done = env.cli("ana")("approve", "run", "done")
    assert (done.returncode, "waiting: ask" in done.stderr) == (2, True)


def test_who_is_excluded_as_requester_counts_for_nothing(env: UserEnvironment) -> None:
    ask = {"approvers": ["group:sre"], "excludeRequester": True}
    env.admin.apply(workflow("ask", nodes=[{"name": "ask", "approval": ask}]))
    assert env.refused("ana", {"requester": "ana"}) == ""
    eventually(lambda: node(env)["phase"] == "Waiting")
    refused = env.cli("ana")("approve", "run")
    assert (refused.returncode, "ana started the execution" in refused.stderr) == (2, True)
    assert env.patch("ana", "run", decision("ana", groups=["sre"])) == ""
    eventually(lambda: "ana started the execution" in node(env).get("message", ""))
    assert env.cli("bob")("approve", "run").returncode == 0
    assert ended(env.admin, "run")["status"]["nodes"]["ask"]["outputs"]["by"] == ["bob"]


def test_an_execution_begins_in_ones_own_name_and_without_decisions(env: UserEnvironment) -> None:
    assert "leave it out or write cas, who asks" in env.refused("cas", {"requester": "ana"})
    trigger = {"type": "schedule", "name": "nightly"}
    assert "only who has the verb trigger" in env.refused("cas", {"trigger": trigger})
    uid = "6a9f0b1e-0000-4000-8000-000000000000"
    parent = {"name": "p", "uid": uid, "node": "a", "depth": 1}
    assert "only who has the verb trigger" in env.refused("cas", {"parent": parent})
    begun = env.refused("cas", decision("cas"))
    assert "an execution begins without" in begun
    signals = {"signals": [{"id": "1", "name": "go", "by": "cas"}]}
    assert "an execution begins without" in env.refused("cas", signals)


def test_control_takes_its_verb(env: UserEnvironment) -> None:
    start_approval(env)
    said = env.patch("eve", "run", {"desiredState": "Paused"})
    assert "eve may not pause, resume or cancel: it requires the verb control" in said
    assert env.cli("dot")("pause", "run").returncode == 0
    eventually(lambda: env.admin.get("awfx", "run")["status"]["phase"] == "Paused")
    again = env.cli("dot")("pause", "run")
    assert again.stdout == "workflowexecution/run already has the desired state Paused\n"
    assert env.cli("dot")("resume", "run").returncode == 0
    done = env.cli("dot")("cancel", "run", "--wait")
    assert done.returncode == 4, done.stderr
    softer = env.cli("dot")("pause", "run")
    assert softer.stdout == "workflowexecution/run has already ended: Cancelled\n"


def test_a_signal_takes_its_verb_and_the_senders_name(env: UserEnvironment) -> None:
    nodes = [{"name": "ask", "wait": {"signal": "go"}}]
    env.admin.apply(workflow("ask", nodes=nodes))
    assert env.refused("dot", {}) == ""
    eventually(lambda: node(env)["phase"] == "Waiting")
    signal = {"id": "1", "name": "go", "by": "eve"}
    said = env.patch("eve", "run", {"signals": [signal]})
    assert "eve may not signal: it requires the verb signal" in said
    forged = env.patch("dot", "run", {"signals": [signal]})
    assert "by must be dot, who signals" in forged
    sent = env.cli("dot")("signal", "run", "go", "--payload", '{"ready": true}', "--id", "one")
    assert sent.stdout == "workflowexecution/run: sent go as one\n"
    outputs = ended(env.admin, "run")["status"]["nodes"]["ask"]["outputs"]
    assert outputs == {"payload": {"ready": True}, "by": "dot", "id": "one"}


@pytest.mark.parametrize("user", ["eve", "admin"])
def test_only_the_operator_writes_status(env: UserEnvironment, user: str) -> None:
    start_approval(env)
    kubectl = env.admin if user == "admin" else env[user]
    body = '{"status":{"phase":"Succeeded"}}'
    done = kubectl.attempt(
        "patch", "awfx", "run", "--subresource=status", "--type=merge", "-p", body
    )
    assert "only the operator writes what an execution has come to" in done.stderr
    assert node(env)["phase"] == "Waiting"


def test_who_may_start_may_not_change(env: UserEnvironment) -> None:
    start_approval(env)
    assert "forbidden" in env.patch("cas", "run", {"desiredState": "Cancelled"}).lower()


def test_the_example_of_an_approval_asks_for_a_ticket(env: UserEnvironment) -> None:
    example = str(ROOT / "manifests/examples/approval.yaml")
    env.admin("apply", "--server-side", "-f", str(ROOT / "manifests/catalog/actions"))
    env.admin("apply", "--server-side", "-f", example)
    raw = execution("approval", "run", requester="ana")
    assert env["ana"].attempt("create", "-f", "-", stdin=json.dumps(raw)).returncode == 0
    eventually(lambda: node(env, "confirm")["phase"] == "Waiting")
    refused = env.cli("bob")("approve", "run", "--input", "ticket=12")
    assert (refused.returncode, "inputs.ticket" in refused.stderr) == (2, True)
    wrong = {"node": "confirm", "by": "bob", "decision": "Approve", "groups": ["sre"]}
    assert env.patch("bob", "run", {"decisions": [wrong | {"inputs": {"ticket": "12"}}]}) == ""
    eventually(lambda: "inputs.ticket" in node(env, "confirm").get("message", ""))
    told = CommandLine(env.admin.kubeconfig, env.admin.namespace)("explain", "run", "confirm")
    assert "bob gave invalid inputs" in told.stdout
    again = env.cli("bob")("approve", "run", "--input", "ticket=OPS-12")
    assert "bob approved confirm, in place of Approve" in again.stdout, again.stderr
    eventually(lambda: node(env, "confirm")["phase"] == "Succeeded")
    assert node(env, "confirm")["outputs"]["inputs"] == {"bob": {"ticket": "OPS-12"}}


def test_without_the_policies_an_approval_waits_and_what_is_written_never_counts(
    env: UserEnvironment,
) -> None:
    env.admin("delete", "-f", POLICIES)
    try:
        eventually(lambda: _gone(env))
        ask = {"approvers": ["user:eve", "group:sre"]}
        env.admin.apply(workflow("ask", nodes=[{"name": "ask", "approval": ask}]))
        assert env.refused("eve", {"requester": "ana"}) == ""
        eventually(lambda: node(env).get("reason") == "ApprovalsUnprotected", 45)
        assert env.patch("eve", "run", decision("eve")) == ""
        refused = env.cli("ana")("approve", "run")
        assert (refused.returncode, "no decision counts now" in refused.stderr) == (2, True)
        assert node(env)["phase"] == "Waiting"
    finally:
        env.admin("apply", "--server-side", "-f", POLICIES)
    said = "eve decided before the admission policies were in place as they are now"
    eventually(lambda: said in node(env).get("message", ""), POLICY_SETTLE_SECONDS + 45)
    assert env.admin.get("awfx", "run")["status"]["trust"]["requesterUnknown"] is True
    assert env.cli("ana")("approve", "run").returncode == 0
    assert ended(env.admin, "run")["status"]["nodes"]["ask"]["outputs"]["by"] == ["ana"]


def test_the_example_of_a_wait_goes_on_with_its_signal(env: UserEnvironment) -> None:
    example = yaml.safe_load((ROOT / "manifests/examples/wait.yaml").read_text())
    # A fake node's pod writes no outputs: what is tested here is the signal.
    smoke = {"name": "smoke", "transform": {"of": "nodes.deployed.outputs.payload.version"}}
    nodes = [smoke if node["name"] == "smoke" else node for node in example["spec"]["nodes"]]
    env.admin.apply({**example, "spec": {**example["spec"], "nodes": nodes}})
    env.admin.create(execution("wait", "run"))
    eventually(lambda: node(env, "deployed")["phase"] == "Waiting")
    sent = env.cli("dot")("signal", "run", "deployed", "--payload", '{"version": "1.2"}')
    assert sent.returncode == 0, sent.stderr
    assert ended(env.admin, "run")["status"]["outputs"] == {"text": "tested 1.2"}


def _gone(env: UserEnvironment) -> bool:
    return "by must be" not in write_forged_signal(env)
