"""The loss of a machine, and of its kubelet alone: what ran there runs once more, or not."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from dev.cluster.api import Cluster, up
from dev.cluster.images import BUSYBOX_IMAGE, ctr
from dev.cluster.layout import Layout
from orchestrator.jobs.names import job_name
from tests.cluster.faults import keep_figures
from tests.cluster.twelve_node_workflow import jobs_created
from tests.kube import Kubectl, ended, eventually, execution, manifest, workflow

pytestmark = pytest.mark.usefixtures("operator")

SOON = [
    {"key": f"node.kubernetes.io/{taint}", "operator": "Exists", "effect": "NoExecute",
     "tolerationSeconds": 5}
    for taint in ("unreachable", "not-ready")
]  # fmt: skip
"""Pods of a machine that is not heard of are evicted 5 s later, not 300."""


def template(name: str, source: str) -> dict[str, Any]:
    """An action that runs a line of shell."""
    script = {"interpreter": "sh", "source": f"echo began; {source}"}
    env = [{"name": "ATTEMPT", "value": "$[[ node.attempt ]]"}]
    action = {"image": BUSYBOX_IMAGE, "script": script, "env": env}
    outputs = [{"name": "attempt", "type": "integer"}]
    return manifest("Template", name, {"outputs": outputs, "action": action})


SAY = 'printf \'{"attempt": %s}\' "$ATTEMPT" > "$OUTPUTS"'
STUCK = template("stuck", f'while test "$ATTEMPT" = 1; do sleep 0.1; done; {SAY}')
SLOW = template("slow", f"sleep 5; {SAY}")


@pytest.fixture
def machine(node_cluster: Cluster) -> Iterator[Cluster]:
    """The cluster's only machine, up again after the test whatever became of it."""
    yield node_cluster
    up(node_cluster.name)


def began(kubectl: Kubectl, *nodes: str) -> list[str]:
    """Wait until the first attempts of these nodes run; their Jobs."""
    uid = kubectl.get("awfx", "run")["metadata"]["uid"]
    jobs = [job_name("lost", node, uid, 1) for node in nodes]
    for job in jobs:
        eventually(partial(_says, kubectl, job))
    return jobs


def _says(kubectl: Kubectl, job: str) -> bool:
    return "began" in kubectl.attempt("logs", f"job/{job}").stdout


def _is_to_go(kubectl: Kubectl, job: str) -> bool:
    """Whether the Job's only pod is asked to end, and is still there."""
    (pod,) = kubectl.get("pods", "-l", f"batch.kubernetes.io/job-name={job}")["items"]
    return "deletionTimestamp" in pod["metadata"]


def tasks(machine: Cluster) -> set[str]:
    """The containers that run on the machine, whatever its kubelet does."""
    return set(ctr(Layout(machine.state), "tasks", "list", "--quiet").split())


def record(kubectl: Kubectl, node: str) -> dict[str, Any]:
    """What the execution's status says of a node."""
    found: dict[str, Any] = kubectl.get("awfx", "run")["status"]["nodes"][node]
    return found


def ready(kubectl: Kubectl) -> str:
    """Whether the machine is Ready: True, False or Unknown."""
    path = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
    return kubectl("get", "node", "worker", "-o", path)


def test_what_a_lost_machine_ran_is_retried_when_kubernetes_or_the_clock_gives_it_up(
    kubectl: Kubectl, machine: Cluster
) -> None:
    evicted = {"action": "local/stuck", "retry": {"limit": 2, "reasons": ["Disrupted"]}}
    late = {"action": "local/stuck", "retry": {"limit": 2, "reasons": ["TimedOut", "Disrupted"]}}
    kubectl.apply(
        STUCK,
        workflow(
            "lost",
            nodes=[{"name": "evicted", **evicted}, {"name": "late", "timeout": "30s", **late}],
            pod={"tolerations": SOON},
        ),
        execution("lost", "run"),
    )
    first, _ = began(kubectl, "evicted", "late")
    machine.power_off()
    eventually(lambda: ready(kubectl) == "Unknown", 120)
    eventually(lambda: record(kubectl, "evicted").get("reason") == "NodeNotReady", 60)
    assert "kubectl describe node worker" in record(kubectl, "evicted")["message"]
    # Its Job has given up the late one, so there is a second attempt, which waits for a machine.
    # The other may still run for all that anyone knows: its pod is asked to go, and that is all.
    eventually(lambda: record(kubectl, "late")["attempts"] == 2, 120)
    eventually(partial(_is_to_go, kubectl, first))
    assert record(kubectl, "evicted")["attempts"] == 1
    assert not kubectl.get("awfx", "run")["status"].get("finishedAt")

    up(machine.name)

    raw = ended(kubectl, "run")
    assert raw["status"]["phase"] == "Succeeded", raw["status"]
    nodes = raw["status"]["nodes"]
    assert all(nodes[name]["outputs"]["attempt"] >= 2 for name in ("evicted", "late")), nodes
    created = jobs_created(machine.audit_log, kubectl.namespace)
    assert set(created.values()) == {1}
    assert len(created) == sum(nodes[name]["attempts"] for name in ("evicted", "late"))
    keep_figures("machine", executions=1, losses=1, jobs=len(created))


def test_what_ended_while_its_kubelet_was_away_is_not_run_again(
    kubectl: Kubectl, machine: Cluster
) -> None:
    kubectl.apply(
        SLOW,
        workflow("lost", nodes=[{"name": "slow", "action": "local/slow"}]),
        execution("lost", "run"),
    )
    began(kubectl, "slow")
    running = tasks(machine)
    machine.stop_component("kubelet", signal.SIGKILL)
    eventually(lambda: tasks(machine) < running)
    machine.start_component("kubelet")
    raw = ended(kubectl, "run")
    assert raw["status"]["nodes"]["slow"]["outputs"] == {"attempt": 1}
    assert sum(jobs_created(machine.audit_log, kubectl.namespace).values()) == 1
    keep_figures("kubelet", executions=1, losses=1, jobs=1)
