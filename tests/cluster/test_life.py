"""The life of an installation: upgrade, downgrade, removal, backup and restoration.

Nothing that runs is disturbed, nothing runs twice, and nothing hangs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dev.charts.tools import HELM3
from dev.cluster.api import Cluster, down, up
from dev.cluster.audit import AuditLog
from dev.rights import keep_used
from tests.charts.helm import Helm
from tests.cluster.faults import OperatorWrites
from tests.cluster.releases import operator_of
from tests.cluster.twelve_node_workflow import TASK, check_all, jobs_created, start_executions, task
from tests.cluster.versions import CURRENT, Version, earlier, later
from tests.commandline import CommandLine
from tests.conftest import PREFIX, fresh_namespace
from tests.kube import (
    Kubectl,
    Operator,
    ended,
    eventually,
    execution,
    manifest,
    phases,
    workflow,
)
from tests.service_accounts import NAMESPACE, USER

RELEASE = SYSTEM = NAMESPACE
COUNT = 12
KINDS = "awf,awfx,awft,atpl,actpl,ainc"
SIGNAL = {"name": "go", "wait": {"signal": "go"}}
LONG = task("long", delay="1h")


@dataclass
class Life:
    """A cluster with one release, whose operator is a process."""

    cluster: Cluster
    kubectl: Kubectl
    helm: Helm
    folder: Path
    earlier: Version
    later: Version
    running: list[Operator] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)

    def install(self, version: Version, *, keep: bool = True) -> None:
        """Install, upgrade or downgrade the release."""
        self.helm.install(RELEASE, SYSTEM, {"crds": {"keep": keep}}, chart=version.chart)

    def roll_over(self, version: Version) -> None:
        """Start the version's operator before the one that runs is asked to end, as the
        Deployment does."""
        name = f"{len(self.logs)}-{version.name}"
        operator = operator_of(
            self.kubectl.within(SYSTEM), RELEASE, self.folder, source=version.source, log=name
        )
        operator.start()
        self.logs.append(operator.log)
        self.stop()
        self.running.append(operator)

    def stop(self) -> None:
        """Ask what runs to end."""
        while self.running:
            self.running.pop().stop()

    def errors(self) -> list[str]:
        """What the operators have logged as errors since the last call."""
        lines = [line for log in self.logs for line in log.read_text().splitlines()]
        self.logs.clear()
        return [line for line in lines if '"level": "error"' in line.lower() or "Traceback" in line]

    def uninstall(self) -> None:
        """Remove the release; its operator ends with it."""
        self.stop()
        self.helm.uninstall(RELEASE, SYSTEM)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    name, folder = f"{PREFIX}-life", tmp_path_factory.mktemp("life")
    cluster = up(name, kubelet=False, fake_nodes=2)
    kubectl = Kubectl(cluster.kubeconfig)
    kubectl("create", "namespace", SYSTEM)
    helm = Helm(HELM3.path(), cluster.kubeconfig, folder)
    life = Life(cluster, kubectl, helm, folder, earlier(folder), later(folder))
    try:
        yield life
    finally:
        life.stop()
        keep_used(cluster.audit_log, name)
        down(name)


def test_an_upgrade_and_a_downgrade_disturb_no_execution(life: Life) -> None:
    """Between versions of which the later one knows one field more."""
    life.install(life.earlier)
    life.roll_over(life.earlier)
    before, after, people = (fresh_namespace(life.kubectl) for _ in range(3))
    people.apply(workflow("waits", nodes=[SIGNAL]), execution("waits", "from-before"))
    nodes = [task("one"), SIGNAL, task("two")]
    edges = [{"from": "one", "to": "go"}, {"from": "go", "to": "two"}]
    shares = workflow("shares", nodes=nodes, edges=edges, workspace={"size": "1Mi"})
    people.apply(TASK, shares, execution("shares", "with-a-volume"))
    eventually(lambda: _node(people, "with-a-volume", "one").get("phase") == "Succeeded")
    _load(life, before)
    life.install(life.later)
    life.roll_over(life.later)
    check_all(before, life.cluster, COUNT)

    owned = workflow("owned", owner="ana", nodes=[SIGNAL])
    people.apply(owned, execution("owned", "with-the-field"), execution("waits", "from-after"))
    eventually(lambda: _phase(people, "with-the-field") == "Running")
    _load(life, after)
    life.install(life.earlier)
    life.roll_over(life.earlier)
    check_all(after, life.cluster, COUNT)

    for kubectl in (before, after, people):
        kubectl("annotate", KINDS, "--all", "example.com/touched=1")
        count = len(kubectl.get("awfx")["items"])
        assert len(kubectl.names("awfx")) == count, "all are still read, and can be written"
    assert "owner" not in people.get("awf", "owned")["spec"]
    with_the_field = ended(people, "with-the-field")["status"]
    assert (with_the_field["phase"], with_the_field["reason"]) == ("Failed", "OtherVersion")
    cli = CommandLine(people.kubeconfig, people.namespace)
    people.create(execution("owned", "without-the-field"))
    for name in ("from-before", "from-after", "without-the-field", "with-a-volume"):
        eventually(partial(_succeeds_when_signalled, cli, people, name), pause=1.0)
    assert life.errors() == []


def _load(life: Life, kubectl: Kubectl) -> None:
    """Start executions; return in the middle of them."""
    writes = OperatorWrites(life.cluster, kubectl.namespace)
    start_executions(kubectl, COUNT)
    writes.wait_for(4 * COUNT)
    assert any("finishedAt" not in raw.get("status", {}) for raw in kubectl.get("awfx")["items"])


def _succeeds_when_signalled(cli: CommandLine, kubectl: Kubectl, name: str) -> bool:
    """Send a signal, and say whether one has counted: none does until the operator has found the
    policies in place as they now are."""
    cli("signal", name, "go")
    return _phase(kubectl, name) == "Succeeded"


def _node(kubectl: Kubectl, name: str, node: str) -> dict[str, Any]:
    """The record of a node of an execution; empty while there is none."""
    record: dict[str, Any] = kubectl.get("awfx", name).get("status", {}).get("nodes", {})
    return dict(record.get(node) or {})


def _phase(kubectl: Kubectl, name: str) -> str:
    return str(kubectl.get("awfx", name).get("status", {}).get("phase"))


def test_a_namespace_that_is_deleted_while_executions_run_is_forgotten(life: Life) -> None:
    life.install(CURRENT)
    life.roll_over(CURRENT)
    kubectl = fresh_namespace(life.kubectl)
    limited = workflow("limited", nodes=[LONG], concurrency={"policy": "Queue", "limit": 2})
    parent = workflow("parent", nodes=[{"name": "sub", "workflow": {"name": "limited"}}])
    waits = workflow("waits", nodes=[SIGNAL], timeout="1h")
    missing = ({"name": "a", "action": "local/none"}, {"name": "b", "action": "none"})
    lost = workflow("lost", nodes=[*missing])
    runs = [execution(of, f"{of}-{at}") for of in ("limited", "waits", "lost") for at in range(6)]
    kubectl.apply(TASK, limited, parent, waits, lost, *runs, execution("parent", "parent"))
    eventually(lambda: len(kubectl.get("jobs")["items"]) == 2)
    eventually(lambda: all(raw.get("status") for raw in kubectl.get("awfx")["items"]))
    life.kubectl("delete", "namespace", kubectl.namespace, "--timeout=90s")
    log = AuditLog(life.cluster.audit_log, from_now=True)

    def quiet() -> bool:
        time.sleep(5)
        return not any(asked.namespace == kubectl.namespace for asked in _asked(log))

    eventually(quiet, within=90)
    assert life.errors() == []


def _asked(log: AuditLog) -> list[Any]:
    return [request for request in log.requests() if request.user == USER]


def test_what_is_backed_up_survives_the_removal_of_everything_and_runs_no_second_time(
    life: Life,
) -> None:
    """Removed without an operator: nothing waits for a finalizer."""
    life.install(CURRENT, keep=False)
    life.roll_over(CURRENT)
    kubectl = fresh_namespace(life.kubectl)
    _until_garbage_is_collected(kubectl)
    before = _history(kubectl)
    backup = life.folder / "backup.yaml"
    backup.write_text(life.kubectl("get", KINDS, "-A", "-o", "yaml"))
    life.uninstall()
    assert [name for name in life.kubectl.names("crd") if "itechsmart" in name] == []
    eventually(lambda: kubectl.get("jobs")["items"] == [], within=90)

    life.install(CURRENT, keep=False)
    life.roll_over(CURRENT)
    cli = CommandLine(life.kubectl.kubeconfig)
    done = cli("restore", "-f", str(backup))
    assert done.returncode == 0, done.stderr
    assert "running: restored; it had not ended" in done.stdout
    again = cli("restore", "-f", str(backup))
    assert {line.partition(": ")[2] for line in again.stdout.splitlines()} == {
        "exists: kept as it is"
    }

    for name in ("run-0", "run-1", "parent"):
        assert kubectl.get("awfx", name)["status"] == _as_restored(before[name])
    for name in ("running", "queued", "paused"):
        status = kubectl.get("awfx", name)["status"]
        assert (status["phase"], status["reason"]) == ("Cancelled", "Restored")
    assert phases(kubectl.get("awfx", "running")) == {"long": "Cancelled"}
    child = before["parent"]["status"]["nodes"]["sub"]["execution"]
    (owner,) = kubectl.get("awfx", child)["metadata"]["ownerReferences"]
    assert owner["uid"] == kubectl.get("awfx", "parent")["metadata"]["uid"]
    timeline = kubectl.get("incident", "down")["status"]["timeline"]
    assert timeline == before["down"]["status"]["timeline"]

    start = execution("long", "new-one")
    kubectl.create(start)
    eventually(lambda: len(kubectl.get("jobs")["items"]) == 1)
    eventually(lambda: kubectl.get("trigger", "next").get("status", {}).get("conditions"))
    everything = set(kubectl.names("awfx"))
    assert everything - {name for name in before if name != "down"} == {"new-one"}
    made = jobs_created(life.cluster.audit_log, kubectl.namespace)
    new_uid = kubectl.get("awfx", "new-one")["metadata"]["uid"]
    jobs = kubectl.get("jobs")["items"]
    assert {job["metadata"]["ownerReferences"][0]["uid"] for job in jobs} == {new_uid}
    assert set(made.values()) == {1}, "no Job was ever created twice"
    assert life.errors() == []


def _until_garbage_is_collected(kubectl: Kubectl) -> None:
    """Kubernetes' garbage collector learns of new kinds within half a minute."""
    probe = kubectl.create(manifest("Incident", "probe", {"title": "Nothing", "severity": "Low"}))
    named = {"name": "probe", "uid": probe["metadata"]["uid"]}
    owner = {"apiVersion": probe["apiVersion"], "kind": "Incident", **named}
    metadata = {"name": "probe", "ownerReferences": [owner]}
    kubectl.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    kubectl("delete", "ainc", "probe")
    eventually(lambda: "probe" not in kubectl.names("configmaps"), within=120)


def _history(kubectl: Kubectl) -> dict[str, Any]:
    """Executions that have ended, four of which made a Trigger fire, and three that have not; an
    incident."""
    nested = workflow("child", nodes=[task("only")])
    parent = workflow("parent", nodes=[{"name": "sub", "workflow": {"name": "child"}}])
    long = workflow("long", nodes=[LONG], concurrency={"policy": "Queue", "limit": 1})
    notify = workflow("notify", nodes=[{"name": "only", "transform": {"x": "1"}}])
    ends = {"phases": ["Succeeded", "Failed", "Cancelled"]}
    listens = {"workflow": "notify", "execution": ends, "filter": "event.workflow != 'notify'"}
    down = {"title": "Payments fail", "severity": "High", "state": "Open"}
    kubectl.apply(TASK, nested, parent, long, notify, workflow("waits", nodes=[SIGNAL]))
    kubectl.apply(manifest("Trigger", "next", listens), manifest("Incident", "down", down))
    start_executions(kubectl, 2)
    kubectl.apply(execution("parent", "parent"), execution("waits", "paused"))
    kubectl.apply(execution("long", "running"))
    eventually(lambda: _phase(kubectl, "running") == "Running")
    kubectl.apply(execution("long", "queued"))
    eventually(lambda: _phase(kubectl, "queued") == "Queued")
    for name in ("run-0", "run-1", "parent"):
        ended(kubectl, name)
    kubectl("patch", "ainc", "down", "--type=merge", "-p", '{"spec": {"state": "Acknowledged"}}')
    eventually(lambda: len(kubectl.get("incident", "down")["status"].get("timeline", [])) > 1)
    kubectl("patch", "awfx", "paused", "--type=merge", "-p", '{"spec": {"desiredState": "Paused"}}')
    eventually(lambda: _phase(kubectl, "paused") == "Paused")

    def fired() -> bool:
        items = kubectl.get("awfx")["items"]
        made = [raw for raw in items if raw["spec"]["workflow"] == "notify"]
        return len(made) == 4 and all("finishedAt" in raw.get("status", {}) for raw in made)

    eventually(fired)
    found = [*kubectl.get("awfx")["items"], *kubectl.get("incident")["items"]]
    return {raw["metadata"]["name"]: raw for raw in found}


def _as_restored(raw: dict[str, Any]) -> dict[str, Any]:
    """The status as it is of an object that was just created."""
    status = dict(raw["status"]) | {"observedGeneration": 1}
    status["conditions"] = [each | {"observedGeneration": 1} for each in status["conditions"]]
    return status


def test_without_an_operator_everything_can_be_deleted(life: Life) -> None:
    life.install(CURRENT)
    life.roll_over(CURRENT)
    kubectl = fresh_namespace(life.kubectl)
    kubectl.apply(TASK, workflow("long", nodes=[LONG]), execution("long", "running"))
    eventually(lambda: kubectl.get("jobs")["items"])
    life.uninstall()
    assert len([name for name in life.kubectl.names("crd") if "itechsmart" in name]) == 6
    assert _phase(kubectl, "running") == "Running"
    kubectl("delete", "awfx,awf,atpl", "--all", "--wait", "--timeout=60s")
    life.kubectl("delete", "-f", "crds/", "--wait", "--timeout=60s")
    life.kubectl("delete", "namespace", kubectl.namespace, "--timeout=90s")
