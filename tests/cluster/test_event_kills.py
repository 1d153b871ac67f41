"""Events while the operator, both receivers and the API server are killed again and again.

Senders do what senders do: they repeat a request until it is accepted, now and then also after it
was, and to whichever replica. As many executions are created as there were events, each once, by
the audit log of the API server, while the history removes old ones. EVENTS in the environment makes
it longer.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.api import Cluster
from dev.cluster.audit import AuditLog
from dev.ports import free_port
from orchestrator.models.base import API_VERSION
from orchestrator.triggers.positions import parse_position, source_of
from tests.cluster.faults import keep_figures
from tests.conftest import PREFIX, fresh_namespace, started
from tests.kube import Kubectl, Operator, eventually, manifest, workflow
from tests.objectstore import ACCESS_KEY, SECRET_KEY, ObjectStore
from tests.receiver_process import ReceiverProcess
from tests.service_accounts import operator_account, receiver_account
from tests.signed_requests import ALERTMANAGER, CLOUD_EVENT, SECRET, SECRETS, github_headers

EVENTS = int(os.environ.get("EVENTS", "120"))
"""Events in all."""
SENDERS = max(1, EVENTS // 2_000)
"""Senders of each kind of event, at the same time."""
SETTLE_SECONDS = 120 + EVENTS // 10
"""Most seconds until the last event is an execution."""
READY_SECONDS = 60 + EVENTS // 100
"""Most seconds until the API server serves again."""
REST_SECONDS = 0.6
"""Longest pause of a sender between two requests."""
BATCH = 4
"""CloudEvents in a request."""
LIMIT = {"limit": 10_000, "period": "1s"}
"""A rate limit that is out of reach."""
BUCKET = "incoming"
BEARER = {"Authorization": f"Bearer {SECRET.decode()}"}
TRIGGERS: dict[str, dict[str, Any]] = {
    "pushes": {"webhook": {"github": {"secrets": SECRETS}}},
    "events": {"event": {"bearer": {"secrets": SECRETS}}},
    "alerts": {"alert": {"bearer": {"secrets": SECRETS}, "statuses": ["firing", "resolved"]}},
    "maps": {
        "resource": {"apiVersion": "v1", "kind": "ConfigMap", "changes": ["Added"],
                     "labels": {"watched": "true"}},
    },
    "files": {
        "fileWatch": {"s3": {"bucket": BUCKET, "ca": {"name": "s3", "key": "ca"},
                             "credentials": {"name": "s3"}}, "pollInterval": "5s"},
    },
}  # fmt: skip
WATCHES = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "watch-maps"},
    "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}],
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of this test's own, since it disturbs every user of it."""
    yield from started(f"{PREFIX}-event-kills", kubelet=False, fake_nodes=1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    server = ObjectStore(tmp_path_factory.mktemp("s3"))
    server.start()
    server.make_bucket(BUCKET)
    yield server
    server.stop()


@dataclass
class Killing:
    """Kills one process after the other until it is left."""

    processes: list[Operator]
    cluster: Cluster
    kubectl: Kubectl
    probes: list[int]
    """The ports of the health of the processes."""
    kills: Counter[str] = field(default_factory=Counter)

    def __enter__(self) -> Killing:
        for process in self.processes:
            process.start()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
        for process in self.processes:
            process.stop()

    def leave(self) -> None:
        """Kill no more."""
        self._stop.set()
        self._thread.join()

    def restart(self, *, gently: bool = False) -> None:
        """Kill or end one after the other, and start them again."""
        for process in self.processes:
            if gently:
                process.stop()
            else:
                process.kill()
            process.start()

    def _run(self) -> None:
        chance = random.Random(7)
        for process in self._victims(chance):
            if self._stop.wait(chance.uniform(0.3, 1.5)):
                return
            if process is not None:
                process.kill()
                process.start()
                self.kills[process.COMMAND] += 1
                continue
            self.cluster.stop_component("kube-apiserver", signal.SIGKILL)
            self.cluster.start_component("kube-apiserver")
            eventually(self._is_ready, READY_SECONDS)
            self.kills["kube-apiserver"] += 1
            # So that a slow machine gets anywhere between the kills.
            eventually(lambda: all(map(is_ready, self.probes)), 2 * READY_SECONDS)

    def _victims(self, chance: random.Random) -> Iterator[Operator | None]:
        """Each process, and the API server (None), once a round in another order: so that each
        works for long between two kills now and then."""
        victims = [*self.processes, None]
        while True:
            chance.shuffle(victims)
            yield from victims

    def _is_ready(self) -> bool:
        return self.kubectl.attempt("get", "--raw", "/readyz").stdout == "ok"


def is_ready(port: int) -> bool:
    """Whether the process whose health is at the port has listed what it follows."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@dataclass(frozen=True)
class Senders:
    """Send requests until they are accepted."""

    ports: list[int]
    namespace: str

    def send(self, chance: random.Random, trigger: str, body: bytes, headers: Any) -> None:
        """Repeat a request until it is accepted, and sometimes once more; then rest, so that events
        arrive before, between and after the kills."""
        accepted = 0
        while accepted == 0 or (accepted == 1 and chance.random() < 0.2):
            if self._post(chance.choice(self.ports), trigger, body, headers):
                accepted += 1
            else:
                time.sleep(0.05)
        time.sleep(chance.uniform(0.0, REST_SECONDS))

    def _post(self, port: int, trigger: str, body: bytes, headers: Any) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("POST", f"/triggers/{self.namespace}/{trigger}", body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        # 401 as long as a replica that has just started does not know the trigger.
        assert answer.status in (202, 401, 429, 500, 503), answer.status
        return answer.status == 202


Make = Callable[[Senders, range], None]
"""Makes the events of these numbers."""


def pushes(senders: Senders, numbers: range) -> None:
    """Webhooks of GitHub."""
    chance = random.Random(f"pushes {numbers}")
    for number in numbers:
        body = json.dumps({"ref": f"refs/heads/{number}"}).encode()
        senders.send(chance, "pushes", body, github_headers(body, delivery=f"d-{number}"))


def events(senders: Senders, numbers: range) -> None:
    """CloudEvents in batches."""
    chance = random.Random(f"events {numbers}")
    headers = {"Content-Type": "application/cloudevents-batch+json", **BEARER}
    for some in batches(numbers):
        batch = [{**CLOUD_EVENT, "id": f"e-{number}"} for number in some]
        senders.send(chance, "events", json.dumps(batch).encode(), headers)


def alerts(senders: Senders, numbers: range) -> None:
    """Notifications of Alertmanager."""
    chance = random.Random(f"alerts {numbers}")
    headers = {"Content-Type": "application/json", **BEARER}
    for number in numbers:
        body = {**ALERTMANAGER, "groupKey": f"{{}}:{{number={number}}}"}
        senders.send(chance, "alerts", json.dumps(body).encode(), headers)


def maps(kubectl: Kubectl) -> Make:
    """New ConfigMaps, each created once."""

    def create(_: Senders, numbers: range) -> None:
        for some in batches(numbers):
            names = [f"map-{number}" for number in some]
            eventually(partial(create_maps, kubectl, names), 60)

    return create


def files(store: ObjectStore, kubectl: Kubectl) -> Make:
    """New objects in a bucket, once its trigger has been taken up."""

    def put(_: Senders, numbers: range) -> None:
        chance = random.Random(f"files {numbers}")
        eventually(partial(is_received, kubectl, "files"), 120)
        for number in numbers:
            store.put(BUCKET, f"{number % 10}/{number}.csv", str(number).encode())
            time.sleep(chance.uniform(0.0, REST_SECONDS))

    return put


def batches(numbers: range) -> Iterator[range]:
    """The numbers, a few at a time."""
    return (numbers[first : first + BATCH] for first in range(0, len(numbers), BATCH))


def create_maps(kubectl: Kubectl, names: Sequence[str]) -> bool:
    """Create ConfigMaps that the trigger watches; whether they are there."""
    made = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "labels": {"watched": "true"}},
        }
        for name in names
    ]
    done = kubectl.attempt("create", "-f", "-", stdin="\n".join(json.dumps(raw) for raw in made))
    wrong = [line for line in done.stderr.splitlines() if "AlreadyExists" not in line]
    return not wrong and done.stdout.count("created") + done.stderr.count("AlreadyExists") == len(
        names
    )


def is_received(kubectl: Kubectl, trigger: str) -> bool:
    """Whether a receiver has taken a trigger up."""
    done = kubectl.attempt("get", "awft", trigger, "-o", "json")
    status = json.loads(done.stdout or "{}").get("status") or {}
    kinds = {each["type"]: each["status"] for each in status.get("conditions") or ()}
    return kinds.get("Receiving") == "True"


def are_marked(kubectl: Kubectl, store: ObjectStore) -> bool:
    """Whether the statuses say that all ConfigMaps and objects were handled: what was handled right
    before a kill is not in them, and starts again if its execution is deleted."""
    marks = {
        raw["metadata"]["name"]: raw["status"].get("mark", "")
        for raw in kubectl.get("awft")["items"]
    }
    maps = kubectl.get("configmap", "-l", "watched=true")["items"]
    versions = [int(raw["metadata"]["resourceVersion"]) for raw in maps]
    position = parse_position(marks["files"], source_of("s3", store.address, BUCKET, ""))
    return (
        int(marks["maps"].partition("/")[0] or 0) >= max(versions)
        and position is not None
        and not any(
            position.is_new(found.identity, found.appeared) for found in store.found(BUCKET)
        )
    )


class Created:
    """The executions that were created, by the audit log: those that are gone included.

    A killed API server may take the line of a creation with it, though the creation took effect:
    what exists counts too.
    """

    def __init__(self, log: AuditLog, kubectl: Kubectl) -> None:
        self._log, self._kubectl = log, kubectl
        self._created: Counter[str] = Counter()
        self._known: set[str] = set()

    def by_trigger(self) -> Counter[str]:
        """How many there were of each trigger."""
        for request in self._log.new():
            what = request.verb, request.resource
            if what == ("create", "workflowexecutions") and request.taken:
                self._created[request.name] += 1
                self._known.add(request.name)
        exist = self._kubectl("get", "awfx", "-o", "name").split()
        self._known.update(name.rpartition("/")[2] for name in exist)
        return Counter(name.rpartition("-")[0] for name in self._known)

    def repeated(self) -> list[str]:
        """Those that were created more than once."""
        return [name for name, times in self._created.items() if times > 1]


def test_each_event_is_one_execution_whatever_is_killed(
    cluster: Cluster, store: ObjectStore, tmp_path: Path
) -> None:
    kubectl = fresh_namespace(Kubectl(cluster.kubeconfig))
    processes, ports, probes = prepared(cluster, kubectl, store, tmp_path)
    created = Created(AuditLog(cluster.audit_log, from_now=True), kubectl)
    count = EVENTS // len(TRIGGERS) // BATCH // SENDERS * BATCH * SENDERS
    senders = Senders(ports, kubectl.namespace)
    began = time.monotonic()
    with Killing(processes, cluster, kubectl, probes) as killing:
        work = [pushes, events, alerts, maps(kubectl), files(store, kubectl)]
        share = count // SENDERS
        threads = [
            threading.Thread(target=each, args=(senders, range(first, first + share)), daemon=True)
            for each in work
            for first in range(0, count, share)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        killing.leave()
        expected = dict.fromkeys(TRIGGERS, count)
        eventually(lambda: agree(created.by_trigger(), expected), SETTLE_SECONDS)
        seconds = time.monotonic() - began

        killing.restart(gently=True)
        eventually(lambda: are_marked(kubectl, store), 300)
        eventually(lambda: deletes_all(kubectl), SETTLE_SECONDS)
        killing.restart()
        eventually(lambda: create_maps(kubectl, ["last"]), 60)
        store.put(BUCKET, "last.csv", b"last")
        eventually(lambda: agree(remaining(kubectl), {"maps": 1, "files": 1}), 120)
        assert created.by_trigger() == {**expected, "maps": count + 1, "files": count + 1}
    assert created.repeated() == []
    assert all(killing.kills[each] for each in ("operator", "receiver", "kube-apiserver"))
    keep_figures(
        "event-kills",
        executions=count * len(TRIGGERS),
        kills=sum(killing.kills.values()),
        seconds=round(seconds),
    )


def agree(found: Counter[str], expected: dict[str, int]) -> bool:
    """True; an AssertionError with the numbers that differ."""
    assert found == expected, f"{dict(found)}, expected {expected}"
    return True


def deletes_all(kubectl: Kubectl) -> bool:
    """Whether no execution is left after a request to delete all of them.

    kubectl's own `delete --all` sends a request for each, at most 50 a second.
    """
    path = f"/apis/{API_VERSION}/namespaces/{kubectl.namespace}/workflowexecutions"
    kubectl.attempt("delete", "--raw", path)  # with many of them, one request may time out
    return not kubectl.names("awfx")


def remaining(kubectl: Kubectl) -> Counter[str]:
    """The executions of each trigger that exist."""
    items = kubectl.get("awfx")["items"]
    return Counter(raw["spec"]["trigger"]["name"] for raw in items)


def prepared(
    cluster: Cluster, kubectl: Kubectl, store: ObjectStore, folder: Path
) -> tuple[list[Operator], list[int], list[int]]:
    """The triggers with what they need; an operator and two receivers, with the ports of these and
    of the health of all three."""
    for name in ("operator", "receiver"):
        (folder / name).mkdir()
    operator = operator_account(cluster.kubeconfig, folder / "operator")
    receiver = receiver_account(cluster.kubeconfig, folder / "receiver")
    history = {"succeeded": 10, "failed": 10}
    flow = workflow("flow", nodes=[{"name": "a", "transform": {"x": "1"}}], history=history)
    keys = {
        "accessKeyId": ACCESS_KEY,
        "secretAccessKey": SECRET_KEY,
        "ca": store.certificate.authority.read_text(),
    }
    secrets = {"hooks": {"secret": SECRET.decode()}, "s3": keys}
    kubectl.apply(flow, WATCHES)
    for name, values in secrets.items():
        raw = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}}
        kubectl.apply({**raw, "stringData": values})
    accounts = "--serviceaccount=itechsmart-workflow:itechsmart-workflow"
    kubectl("create", "role", "hooks", "--verb=get", "--resource=secrets")
    kubectl("create", "rolebinding", "hooks", "--role=hooks", f"{accounts}-receiver")
    kubectl("create", "rolebinding", "maps", "--role=watch-maps", f"{accounts}-operator")
    ports = [free_port(), free_port()]
    probes = [free_port() for _ in range(3)]
    health = [f"--health-address=127.0.0.1:{port}" for port in probes]
    one = ("--namespace", kubectl.namespace)
    processes: list[Operator] = [Operator(operator, folder / "operator.log", health[0], *one)]
    for port, probe in zip(ports, health[1:], strict=True):
        address = f"--address=127.0.0.1:{port}"
        log = folder / f"{port}.log"
        processes.append(ReceiverProcess(receiver, log, address, probe, *one))
    for name, spec in TRIGGERS.items():
        settings = spec | {"workflow": "flow", "rateLimit": LIMIT}
        if name == "files":
            s3 = {**spec["fileWatch"]["s3"], "endpoint": store.endpoint}
            settings["fileWatch"] = {**spec["fileWatch"], "s3": s3}
        kubectl.apply(manifest("Trigger", name, settings))
    return processes, ports, probes
