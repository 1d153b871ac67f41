"""Clicks in Slack on a real API server: they count as the people behind them, with their rights.

ana and bob are of the group sre; bob holds no role; eve is in the file but not in the receiver's
role; U9 is in no file.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.admission_policies import POLICIES
from tests.cluster.user_environment import UserEnvironment, until_in_effect
from tests.conftest import fresh_namespace
from tests.kube import Kubectl, ended, eventually, execution, running_operator, workflow
from tests.planted import planted
from tests.receiver_process import running_receiver
from tests.service_accounts import RECEIVER, receiver_account
from tests.users import user_kubeconfig

SECRET = planted("slack signing").encode()
PEOPLE = {
    "U1": {"user": "ana", "groups": ["sre"]},
    "U2": {"user": "bob", "groups": ["sre"]},
    "U3": {"user": "eve"},
}
IMPERSONATE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "slack-people"},
    "rules": [
        {"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"],
         "resourceNames": ["ana", "bob"]},
        {"apiGroups": [""], "resources": ["groups"], "verbs": ["impersonate"],
         "resourceNames": ["sre"]},
    ],
}  # fmt: skip
GATE = workflow(
    "gate",
    nodes=[
        {"name": "ask", "approval": {"approvers": ["group:sre"]}},
        {"name": "go", "wait": {"signal": "go"}},
    ],
    edges=[{"from": "ask", "to": "go"}],
)


@dataclass(frozen=True)
class Slack:
    """A namespace whose approvals are decided in Slack."""

    admin: Kubectl
    url: str

    def start(self, name: str) -> str:
        """Start an execution that asks, and return its uid."""
        self.admin.apply(execution("gate", name))
        eventually(lambda: self.record(name).get("reason") == "AwaitingApproval")
        uid: str = self.admin.get("awfx", name)["metadata"]["uid"]
        return uid

    def record(self, name: str, node: str = "ask") -> dict[str, Any]:
        nodes = self.admin.get("awfx", name).get("status", {}).get("nodes", {})
        found: dict[str, Any] = nodes.get(node, {})
        return found

    def decisions(self, name: str) -> list[tuple[str, str]]:
        made = self.admin.get("awfx", name)["spec"].get("decisions", [])
        return [(each["by"], each["decision"]) for each in made]

    def click(self, user: str, action: str, name: str, **changes: Any) -> int:
        """The status that Slack gets for a click; `at` is when it was clicked."""
        at = changes.pop("at", time.time())
        uid = self.admin.get("awfx", name)["metadata"]["uid"]
        run = {"namespace": self.admin.namespace, "execution": name, "uid": uid}
        value = {**run, "node": "ask", **changes}
        payload = {
            "type": "block_actions",
            "team": {"id": "T1"},
            "user": {"id": user},
            "actions": [
                {
                    "action_id": f"automation/{action}",
                    "action_ts": f"{at:.6f}",
                    "value": json.dumps(value),
                }
            ],
        }
        return self.post(urlencode({"payload": json.dumps(payload)}).encode())

    def post(self, body: bytes, secret: bytes = SECRET, at: float | None = None) -> int:
        """The status of a request, signed as Slack signs it."""
        moment = str(int(time.time() if at is None else at))
        signed = b"v0:" + moment.encode() + b":" + body
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": moment,
            "X-Slack-Signature": "v0=" + hmac.new(secret, signed, hashlib.sha256).hexdigest(),
        }
        request = urllib.request.Request(f"{self.url}/slack/interactions", body, headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                status: int = answer.status
        except urllib.error.HTTPError as error:
            return error.code
        return status


@pytest.fixture(scope="module")
def slack(
    kubeconfig: Path, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Slack]:
    folder = tmp_path_factory.mktemp("slack")
    (folder / "receiver").mkdir()
    (folder / "secret").write_bytes(b"old\n" + SECRET + b"\n")
    (folder / "people.yaml").write_text(json.dumps(PEOPLE))
    admin = fresh_namespace(Kubectl(kubeconfig))
    admin("apply", "--server-side", "-f", POLICIES)
    receiver = receiver_account(kubeconfig, folder / "receiver")
    admin.apply(IMPERSONATE, GATE)
    who = f"--serviceaccount=itechsmart-workflow:{RECEIVER}"
    binding = ("create", "clusterrolebinding", "slack-people", "--clusterrole=slack-people", who)
    admin(*binding)
    admin("create", "rolebinding", "ana", "--clusterrole=itechsmart-workflow-oncall", "--user=ana")
    people = {user: user_kubeconfig(kubeconfig, folder, user) for user in ("ana", "bob")}
    until_in_effect(UserEnvironment(admin, people))
    files = (f"--slack-signing-secret={folder}/secret", f"--slack-people={folder}/people.yaml")
    with (
        running_operator(account, folder / "operator.log"),
        running_receiver(receiver, folder / "log", *files) as (sender, _),
    ):
        yield Slack(admin, f"http://127.0.0.1:{sender.port}")
    admin("delete", "clusterrolebinding", "slack-people")
    admin("delete", "-f", POLICIES)


def test_a_click_approves_and_another_signals_as_the_person_in_kubernetes(slack: Slack) -> None:
    uid = slack.start("restart")
    assert slack.click("U1", "approve", "restart", uid=uid) == 200
    eventually(lambda: slack.record("restart").get("phase") == "Succeeded")
    assert slack.record("restart")["outputs"]["by"] == ["ana"]
    eventually(lambda: slack.record("restart", "go").get("phase") == "Waiting")
    assert slack.click("U1", "signal", "restart", signal="go") == 200
    status = ended(slack.admin, "restart")["status"]
    assert status["phase"] == "Succeeded"
    (signal,) = slack.admin.get("awfx", "restart")["spec"]["signals"]
    assert (signal["name"], signal["by"]) == ("go", "ana")


def test_a_click_counts_only_with_the_persons_own_rights(slack: Slack) -> None:
    slack.start("refused")
    for user in ("U2", "U3", "U9"):  # without the verb, not in the role, unknown
        assert slack.click(user, "approve", "refused") == 200
        assert slack.decisions("refused") == []
    assert slack.click("U1", "reject", "refused") == 200
    assert slack.decisions("refused") == [("ana", "Reject")]


def test_what_slack_did_not_sign_changes_nothing(slack: Slack) -> None:
    uid = slack.start("forged")
    value = {"namespace": slack.admin.namespace, "execution": "forged", "uid": uid, "node": "ask"}
    action = {"action_id": "automation/approve", "action_ts": f"{time.time():.6f}"}
    payload = {
        "type": "block_actions",
        "user": {"id": "U1"},
        "actions": [{**action, "value": json.dumps(value)}],
    }
    body = urlencode({"payload": json.dumps(payload)}).encode()
    assert slack.post(body, b"guessed") == 401
    assert slack.post(body, at=time.time() - 301) == 401
    assert slack.post(body + b" ", b"old2") == 401
    assert slack.decisions("forged") == []
    assert slack.post(body) == 200  # the same with its signature
    assert slack.decisions("forged") == [("ana", "Approve")]


def test_an_older_click_that_is_replayed_does_not_replace_a_newer_decision(slack: Slack) -> None:
    uid = slack.start("replayed")
    moment = time.time()
    # Two are needed, so that the approval still waits.
    wait = {"approvers": ["group:sre"], "required": 2}
    slack.admin.apply(workflow("gate", nodes=[{"name": "ask", "approval": wait}]))
    slack.start("replayed-2")
    assert slack.click("U1", "approve", "replayed-2", at=moment) == 200
    assert slack.decisions("replayed-2") == [("ana", "Approve")]
    assert slack.click("U1", "approve", "replayed-2", at=moment) == 200
    first = slack.admin.get("awfx", "replayed-2")["spec"]["decisions"]
    assert slack.click("U1", "reject", "replayed-2", at=moment - 5) == 200
    assert slack.admin.get("awfx", "replayed-2")["spec"]["decisions"] == first
    assert slack.click("U1", "approve", "replayed-2", uid=uid) == 200  # another execution's button
    assert slack.admin.get("awfx", "replayed-2")["spec"]["decisions"] == first
    assert slack.click("U1", "reject", "replayed-2", at=moment + 5) == 200
    assert ended(slack.admin, "replayed-2")["status"]["phase"] == "Failed"
