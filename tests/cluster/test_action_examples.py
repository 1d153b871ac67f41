"""The example of each kubernetes action runs: its nodes of that action, with the example's values.

tests/e2e/test_actions.py proves exec and pod-logs, which need a kubelet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.actions.registry import CATEGORIES
from tests.cluster.workloads import fake_workload, job
from tests.commandline import CommandLine
from tests.conftest import fresh_namespace
from tests.examples import example
from tests.kube import Kubectl, execution
from tests.runner import Runner, make_runner

PROVES = {
    "Kubernetes API server": [
        "deploy-application", "rollout-restart", "rollout-status", "rollout-undo",
        "rollout-history", "rollback-deployment", "set-image", "scale", "apply", "patch",
        "delete", "wait-for", "run-job", "cordon", "uncordon", "drain", "describe-events",
    ]
}  # fmt: skip

WITH_KUBELET = {"exec", "pod-logs"}
NAMES = [
    name
    for name, category in CATEGORIES.items()
    if category == "kubernetes" and name not in WITH_KUBELET
]


@dataclass(frozen=True)
class Shop:
    """A namespace in which every example can run."""

    runner: Runner
    execution: str
    """Uid of an execution, to which Jobs can belong."""
    node: str
    """A node without pods."""


@pytest.fixture(scope="module")
def shop(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A Deployment `web` of two revisions that runs, a CronJob `migrate`, and every right."""
    kubectl = fresh_namespace(Kubectl(kubeconfig))
    web = fake_workload("Deployment", 1, hang="true")
    cron = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "migrate"},
        "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": job()["spec"]}},
    }
    for image in ("v1", "v2"):
        web["spec"]["template"]["spec"]["containers"][0]["image"] = image
        kubectl.apply(web, cron)
        kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    uid = kubectl.create(execution("none", "run"))["metadata"]["uid"]
    runner = make_runner(kubectl, tmp_path_factory.mktemp("shop"), "manifests", "jobs")
    granted = CommandLine(kubectl.kubeconfig, kubectl.namespace)("grant", "drain", "--offline")
    kubectl("apply", "-f", "-", stdin=granted.stdout)
    node = f"node-of-{kubectl.namespace}"
    kubectl.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}})
    yield Shop(runner, uid, node)
    kubectl("delete", "node", node)


@pytest.mark.parametrize("action", NAMES)
def test_the_example_of_an_action_runs(shop: Shop, action: str) -> None:
    uid = shop.execution if action == "run-job" else action
    for parameters in example(action, {"node": shop.node, "service": "web"}):
        ended = shop.runner(action, uid=uid, **parameters)
        assert ended.code == 0, f"{json.dumps(parameters)}: {ended.message}"
