"""The receiver against a real API server: each event that is accepted is one execution."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks import Webhook as StandardWebhook

from dev.cluster.api import Cluster
from tests.alertmanager import running as running_alertmanager
from tests.chaos_proxy import ChaosProxy
from tests.commandline import CommandLine
from tests.conftest import fresh_namespace
from tests.kube import ROOT, Kubectl, ended, eventually, manifest, running_operator, workflow
from tests.receiver_process import ReceiverProcess, Response, Sender, running_receiver
from tests.service_accounts import INSTALL, receiver_account
from tests.signed_requests import ALERTMANAGER, SECRET, SECRETS, github_headers, hex_hmac

EXAMPLES = ROOT / "manifests" / "examples"
PUSH = json.dumps(
    {"ref": "refs/heads/main", "after": "6113728f", "pusher": {"name": "ana"}}
).encode()
TOKEN = {"webhook": {"bearer": {"secrets": SECRETS, "idHeader": "X-Id"}}}
JSON = {"Content-Type": "application/json"}
BEARER = {**JSON, "Authorization": f"Bearer {SECRET.decode()}"}


@dataclass(frozen=True)
class Environment:
    """A namespace with two receivers and an operator."""

    kubectl: Kubectl
    cli: CommandLine
    first: Sender
    second: Sender
    account: Path
    """A kubeconfig of the receivers' account."""

    def post(self, trigger: str, body: bytes, headers: dict[str, str], query: str = "") -> Response:
        """Send a request, and again as long as it is not known whether the receiver may read the
        Secret: it asks at most every five seconds, and the other replica may know it already."""
        path, deadline = f"{self.kubectl.namespace}/{trigger}{query}", time.monotonic() + 12
        while True:
            answer = self.first(path, body, headers)
            if "cannot verify requests now" not in answer.text or time.monotonic() > deadline:
                return answer
            time.sleep(0.5)

    def executions(self, trigger: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.kubectl.get("awfx")["items"]
        return [raw for raw in items if raw["spec"]["trigger"]["name"] == trigger]

    def trigger(self, name: str, **spec: Any) -> None:
        """Create a trigger, let the receiver read its Secrets, and wait until it is Ready."""
        self.kubectl.apply(manifest("Trigger", name, {"workflow": "greet", **spec}))
        self.grant(name)

    def grant(self, name: str) -> None:
        """As the message of a trigger that lacks the right says."""
        granted = self.cli("trigger", "grant", name)
        assert granted.returncode == 0, granted.stderr
        if granted.stdout:
            self.kubectl("apply", "-f", "-", stdin=granted.stdout)
        eventually(lambda: self.condition(name, "Ready")["status"] == "True")

    def condition(self, name: str, kind: str) -> Any:
        conditions = self.kubectl.get("awft", name).get("status", {}).get("conditions", [])
        found = [each for each in conditions if each["type"] == kind]
        assert found, f"no condition {kind} yet"
        return found[0]

    def status(self, name: str) -> Any:
        return self.kubectl.get("awft", name)["status"]

    def last_error(self, name: str) -> str:
        message: str = self.status(name).get("lastError", {}).get("message", "")
        return message


@pytest.fixture(scope="module")
def receivers(
    kubeconfig: Path, account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Sender, Sender, Path]]:
    """Two receivers and an operator, under the policies of an installation."""
    folder = tmp_path_factory.mktemp("receiver")
    admin = Kubectl(kubeconfig)
    policies = str(INSTALL / "policies.yaml")
    admin("apply", "--server-side", "-f", policies)
    own = receiver_account(kubeconfig, folder)
    with (
        running_operator(account, folder / "operator.log"),
        running_receiver(own, folder / "log") as (first, _),
        running_receiver(own, folder / "log2") as (second, _),
    ):
        yield first, second, own
    admin("delete", "-f", policies)


@pytest.fixture
def env(kubeconfig: Path, receivers: tuple[Sender, Sender, Path]) -> Environment:
    kubectl = fresh_namespace(Kubectl(kubeconfig))
    kubectl.apply(workflow("greet", nodes=[{"name": "a", "transform": {"x": "1"}}]))
    create_secret(kubectl, "hooks", "secret", SECRET.decode())
    return Environment(kubectl, CommandLine(kubeconfig, kubectl.namespace), *receivers)


def accepts(sender: Sender, path: str, headers: dict[str, str]) -> bool:
    return sender(path, b"{}", headers).status == 202


def create_secret(kubectl: Kubectl, name: str, key: str, value: str) -> None:
    kubectl("create", "secret", "generic", name, f"--from-literal={key}={value}")


def test_a_signed_webhook_is_one_execution_however_often_it_is_delivered(env: Environment) -> None:
    env.trigger("pushes", webhook={"github": {"secrets": SECRETS}})
    first = env.post("pushes", PUSH, github_headers(PUSH))
    assert (first.status, first.body["outcome"]) == (202, "started")
    again = env.post("pushes", PUSH, github_headers(PUSH))
    assert (again.status, again.body) == (
        202,
        {"outcome": "deduplicated", "execution": first.body["execution"]},
    )
    (execution,) = env.executions("pushes")
    assert execution["metadata"]["name"] == first.body["execution"]
    assert execution["spec"]["trigger"]["event"]["body"]["ref"] == "refs/heads/main"
    other = env.post("pushes", PUSH, github_headers(PUSH, delivery="d-2"))
    assert other.body["outcome"] == "started"
    wanted = {"received": 3, "started": 2, "deduplicated": 1}
    eventually(lambda: env.status("pushes").get("counts") == wanted)


def test_what_is_not_verified_is_refused_and_says_nothing_of_the_trigger(env: Environment) -> None:
    env.trigger("signed", webhook={"hmac": {"header": "X-Signature", "secrets": SECRETS}})
    headers = {**JSON, "X-Signature": hex_hmac(b"wrong", PUSH)}
    wrong, nowhere = env.post("signed", PUSH, headers), env.post("nowhere", PUSH, headers)
    assert wrong.status == nowhere.status == 401
    assert wrong.text == nowhere.text
    assert env.executions("signed") == []
    # The right to read the Secret may have been granted too late for the first request.
    eventually(lambda: "X-Signature does not match any secret" in env.last_error("signed"))


def test_simultaneous_deliveries_to_two_receivers_are_one_execution_each(env: Environment) -> None:
    env.trigger("hook", **TOKEN)
    env.trigger("keyed", **TOKEN, dedupe={"key": "event.body.key", "window": "1h"})

    def send(number: int) -> Response:
        sender = env.first if number % 2 else env.second
        trigger, delivery = ("hook", number // 20) if number < 200 else ("keyed", number)
        body = json.dumps({"key": number % 5}).encode()
        return sender(f"{env.kubectl.namespace}/{trigger}", body, {**BEARER, "X-Id": f"{delivery}"})

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(send, range(300)))
    assert {answer.status for answer in answers} == {202}
    assert len(env.executions("hook")) == 10
    assert len(env.executions("keyed")) == 5


def test_while_the_api_server_is_away_senders_try_again_and_nothing_is_lost(
    env: Environment, api_cluster: Cluster, tmp_path: Path
) -> None:
    env.trigger("hook", **TOKEN)
    proxy = ChaosProxy(api_cluster.server)
    with proxy.running():
        kubeconfig = proxy.kubeconfig(env.account, tmp_path / "kubeconfig")
        with running_receiver(kubeconfig, tmp_path / "log") as (sender, _):
            path = f"{env.kubectl.namespace}/hook"
            assert sender(path, b"{}", {**BEARER, "X-Id": "0"}).status == 202
            proxy.silence()
            with ThreadPoolExecutor(10) as pool:
                posts = [{**BEARER, "X-Id": f"{number}"} for number in range(1, 11)]
                answers = list(pool.map(lambda headers: sender(path, b"{}", headers), posts))
            # A connection that the proxy holds back is silent; a new one works.
            for headers, answer in zip(posts, answers, strict=True):
                if answer.status != 202:
                    assert (answer.status, "retry-after" in answer.headers) == (503, True)
                    eventually(partial(accepts, sender, path, headers))
    assert len(env.executions("hook")) == 11


def test_a_receiver_that_is_killed_again_and_again_makes_nothing_twice_and_loses_nothing(
    env: Environment, tmp_path: Path
) -> None:
    env.trigger("hook", **TOKEN)
    port = free()
    receiver = ReceiverProcess(env.account, tmp_path / "log", f"--address=127.0.0.1:{port}")
    accepted = threading.Semaphore(0)

    def send(number: int) -> None:
        headers = {**BEARER, "X-Id": f"{number % 150}"}

        def is_accepted() -> bool:
            try:
                answer = Sender(port)(f"{env.kubectl.namespace}/hook", b"{}", headers)
            except (OSError, http.client.HTTPException):  # it was killed
                return False
            return answer.status == 202

        eventually(is_accepted, within=120)
        accepted.release()

    receiver.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            sent = [pool.submit(send, number) for number in range(300)]
            for number in range(1, len(sent) + 1):
                accepted.acquire(timeout=120)
                if number % 60 == 0:
                    receiver.kill()
                    receiver.start()
            for each in sent:
                each.result()
    finally:
        receiver.stop()
    assert len(env.executions("hook")) == 150


def free() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def test_without_the_role_it_says_the_command_which_then_makes_it_ready(env: Environment) -> None:
    env.kubectl.apply(manifest("Trigger", "hook", {"workflow": "greet", **TOKEN}))
    found = eventually(
        lambda: (ready := env.condition("hook", "Ready"))["reason"] == "SecretForbidden" and ready
    )
    command = f"orchestrator trigger grant hook -n {env.kubectl.namespace} | kubectl apply -f -"
    assert found["message"].endswith(command)
    assert env.condition("hook", "Stalled")["status"] == "False"
    assert env.post("hook", b"{}", BEARER).status == 503
    env.grant("hook")
    assert env.post("hook", b"{}", BEARER).status == 202


def test_a_rotated_secret_takes_effect_within_a_minute(env: Environment) -> None:
    env.trigger("hook", **TOKEN)
    assert env.post("hook", b"{}", {**BEARER, "X-Id": "1"}).status == 202
    rotated = {"stringData": {"secret": "rotated"}}
    env.kubectl("patch", "secret", "hooks", "--type=merge", "-p", json.dumps(rotated))
    new = {**JSON, "Authorization": "Bearer rotated", "X-Id": "2"}
    eventually(lambda: env.post("hook", b"{}", new).status == 202, within=30)
    eventually(lambda: env.post("hook", b"{}", {**BEARER, "X-Id": "3"}).status == 401, within=60)


def test_only_callers_with_the_right_fire_an_endpoint_and_may_wait_for_the_result(
    env: Environment,
) -> None:
    kubectl, outputs = env.kubectl, [{"name": "x", "value": "nodes.a.outputs.x"}]
    node = {"name": "a", "transform": {"x": "vars.count + 1"}}
    variables = [{"name": "count", "type": "integer", "required": True}]
    kubectl.apply(workflow("add", nodes=[node], variables=variables, outputs=outputs))
    schema = {"properties": {"count": {"type": "integer"}}, "required": ["count"]}
    given = {"count": "$[[ event.body.count ]]"}
    env.trigger("call", workflow="add", variables=given, apiEndpoint={"schema": schema})
    for user in ("may", "may-not"):
        kubectl("create", "serviceaccount", user)
    role = "--clusterrole=itechsmart-workflow-fire"
    account = f"--serviceaccount={kubectl.namespace}:may"
    kubectl("create", "rolebinding", "fire", role, account)
    tokens = {user: kubectl("create", "token", user).strip() for user in ("may", "may-not")}

    def call(user: str, body: bytes = b'{"count": 1}', query: str = "") -> Response:
        headers = {**JSON, "Authorization": f"Bearer {tokens.get(user, user)}"}
        return env.post("call", body, headers, query)

    name = f"system:serviceaccount:{kubectl.namespace}:may"
    assert call("forged").status == 401
    refused = call("may-not")
    assert (refused.status, "create on triggers/fire" in refused.text) == (403, True)
    assert (
        call("may", b'{"count": "one"}')
        .body["message"]
        .startswith("body.count: must be an integer")
    )
    done = call("may", query="?wait=60")
    assert (done.status, done.body["phase"], done.body["outputs"]) == (200, "Succeeded", {"x": 2})
    (execution,) = env.executions("call")
    assert execution["spec"]["trigger"]["requester"] == name


def test_the_receivers_account_may_nothing_but_create_for_triggers_and_write_their_status(
    env: Environment,
) -> None:
    env.trigger("hook", **TOKEN)
    name = env.post("hook", b"{}", BEARER).body["execution"]
    ended(env.kubectl, name)
    receiver = Kubectl(env.account, env.kubectl.namespace)
    create_secret(env.kubectl, "other", "secret", "x")
    for tried in (
        ("get", "secret", "other"),
        ("get", "secrets"),
        ("delete", "awfx", name),
        ("patch", "awfx", name, "--type=merge", "-p", '{"spec": {"desiredState": "Paused"}}'),
        ("patch", "awfx", name, "--subresource=status", "--type=merge", "-p", '{"status": {}}'),
        ("patch", "awft", "hook", "--type=merge", "-p", '{"spec": {"suspend": true}}'),
        ("get", "awf"),
        ("get", "pods"),
        ("get", "configmaps"),
    ):
        assert "orbidden" in receiver.attempt(*tried).stderr, tried


def test_the_manifests_are_accepted_and_the_pods_are_restricted(kubeconfig: Path) -> None:
    kubectl = Kubectl(kubeconfig, "itechsmart-workflow")
    kubectl("apply", "--server-side", "-f", str(INSTALL / "namespace.yaml"))
    label = "pod-security.kubernetes.io/warn=restricted"
    kubectl("label", "namespace", "itechsmart-workflow", label, "--overwrite")
    folder = str(ROOT / "manifests" / "receiver")
    options = ("--server-side", "--force-conflicts", "--dry-run=server")
    done = kubectl.attempt("apply", "-k", folder, *options)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "deployment.apps/itechsmart-workflow-receiver" in done.stdout


def fire_webhook(env: Environment) -> Response:
    return env.post("pushes", PUSH, github_headers(PUSH))


def fire_event(env: Environment) -> Response:
    attributes = {"type": "com.example.order.created", "source": "/shop", "id": "1"}
    attributes["datacontenttype"] = "application/json"
    sdk = CloudEvent(attributes=attributes, data={"order": 7})
    answers = []
    for message in (to_binary_event(sdk), to_structured_event(sdk)):
        headers = {**message.headers, "Authorization": BEARER["Authorization"]}
        answers.append(env.post("orders", bytes(message.body), headers))
    assert [answer.body["outcome"] for answer in answers] == ["started", "deduplicated"]
    return answers[0]


def fire_alert(env: Environment) -> Response:
    return env.post("high-latency", json.dumps(ALERTMANAGER).encode(), BEARER)


def fire_api_endpoint(env: Environment) -> Response:
    kubectl = env.kubectl
    kubectl("create", "serviceaccount", "ana")
    role, account = "--clusterrole=itechsmart-workflow-fire", f"{kubectl.namespace}:ana"
    kubectl("create", "rolebinding", "fire", role, f"--serviceaccount={account}")
    token = kubectl("create", "token", "ana").strip()
    headers = {**JSON, "Authorization": f"Bearer {token}", "Idempotency-Key": "7d0a"}
    return env.post("scale", b'{"service": "web", "replicas": 3}', headers)


FIRED: dict[str, tuple[str, tuple[str, str] | None, Any, str]] = {
    "trigger-webhook": ("pushes", ("github", "webhook"), fire_webhook, "deployed 6113728f by ana"),
    "trigger-event": ("orders", ("events", "token"), fire_event, "order 7"),
    "trigger-alert": ("high-latency", ("alerts", "token"), fire_alert, "High (page)"),
    "trigger-api-endpoint": ("scale", None, fire_api_endpoint, "web has 3 replicas"),
}


@pytest.mark.parametrize("example", FIRED)
def test_the_example_of_a_type_is_fired(env: Environment, example: str) -> None:
    trigger, secret, fire, text = FIRED[example]
    file = EXAMPLES / f"{example}.yaml"
    env.kubectl("apply", "--server-side", "-f", str(file))
    if secret is not None:
        create_secret(env.kubectl, *secret, SECRET.decode())
        granted = env.cli("trigger", "grant", "-f", str(file))
        env.kubectl("apply", "-f", "-", stdin=granted.stdout)
    eventually(lambda: env.condition(trigger, "Ready")["status"] == "True")
    answer = fire(env)
    assert (answer.status, answer.body["outcome"]) == (202, "started"), answer.text
    execution = ended(env.kubectl, answer.body["execution"])
    assert execution["status"]["outputs"]["text"] == text


def test_a_real_alertmanager_starts_one_execution_for_each_group_and_its_end(
    env: Environment, tmp_path: Path
) -> None:
    settings = {"bearer": {"secrets": SECRETS}, "statuses": ["firing", "resolved"]}
    env.trigger("alerts", alert=settings)
    url = f"http://127.0.0.1:{env.first.port}/triggers/{env.kubectl.namespace}/alerts"
    token = {"authorization": {"type": "Bearer", "credentials": SECRET.decode()}}
    pods = [{"alertname": "Latency", "pod": pod} for pod in ("shop-1", "shop-2")]
    with running_alertmanager(tmp_path, {"url": url, "http_config": token}) as alertmanager:
        alertmanager.alert(**pods[0])
        eventually(lambda: len(env.executions("alerts")) == 1)
        alertmanager.alert(**pods[1])  # is notified of with the first, as the same group
        eventually(lambda: env.status("alerts").get("counts", {}).get("deduplicated"))
        alertmanager.alert(alertname="DiskFull")
        eventually(lambda: len(env.executions("alerts")) == 2)
        alertmanager.resolve(*pods)
        eventually(lambda: len(env.executions("alerts")) == 3)
    events = [raw["spec"]["trigger"]["event"] for raw in env.executions("alerts")]
    assert sorted((event["groupLabels"]["alertname"], event["status"]) for event in events) == [
        ("DiskFull", "firing"), ("Latency", "firing"), ("Latency", "resolved"),
    ]  # fmt: skip


def test_standard_webhooks_arrive_as_their_library_signs_them(env: Environment) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    create_secret(env.kubectl, "standard", "key", secret)
    settings = {"standardWebhooks": {"secrets": [{"name": "standard", "key": "key"}]}}
    env.trigger("standard", webhook=settings)
    now = datetime.now(UTC)
    headers = {
        **JSON,
        "webhook-id": "msg_1",
        "webhook-timestamp": f"{int(now.timestamp())}",
        "webhook-signature": StandardWebhook(secret).sign("msg_1", now, '{"a": 1}'),
    }
    assert env.post("standard", b'{"a": 1}', headers).status == 202
    old = {**headers, "webhook-timestamp": f"{int(now.timestamp()) - 400}"}
    assert env.post("standard", b'{"a": 1}', old).status == 401
