"""Actions that change workloads, on a real API server with the rights of the runner's role."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cluster.workloads import deploy, fake_workload, workload
from tests.kube import Kubectl
from tests.runner import Runner, make_runner

PROVES = {
    "Kubernetes API server": [
        "rollout-history", "rollout-restart", "scale", "set-image", "rollback-deployment",
    ]
}  # fmt: skip

PERMANENT, RETRY = 65, 1


@pytest.fixture
def runner(kubectl: Kubectl, tmp_path: Path) -> Runner:
    return make_runner(kubectl, tmp_path)


def images(kubectl: Kubectl, kind: str = "deployment") -> list[str]:
    containers: list[dict[str, Any]] = kubectl.get(kind, "web")["spec"]["template"]["spec"][
        "containers"
    ]
    return [each["image"] for each in containers]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_an_image_is_set_once(kubectl: Kubectl, runner: Runner, kind: str) -> None:
    kubectl.apply(workload(kind, "web"))
    first = runner("set-image", kind=kind, name="web", images={"main": "y"})
    assert first.code == 0, first.message
    expected = {"changed": True, "fromImages": {"main": "x"}, "toImages": {"main": "y"}}
    assert first.outputs.items() >= expected.items()
    again = runner("set-image", attempt=2, kind=kind, name="web", images={"main": "y"})
    assert again.outputs == {**first.outputs, "repeated": True}
    assert images(kubectl, kind) == ["y"]


def test_a_new_image_is_a_new_revision(kubectl: Kubectl, runner: Runner) -> None:
    deploy(kubectl, "v1")
    assert runner("set-image", name="web", images={"*": "v2"}).outputs["revision"] == 2
    wrong = runner("set-image", uid="u2", name="web", images={"sidecar": "v2"})
    assert (wrong.code, "it has main" in wrong.message) == (PERMANENT, True)


def test_a_rollback_is_waited_for(kubectl: Kubectl, runner: Runner) -> None:
    for image in ("v1", "v2"):
        deploy(kubectl, image)
    first = runner("rollback-deployment", name="web")
    assert first.code == 0, first.message
    expected = {"fromRevision": 2, "toRevision": 1, "revision": 3, "images": {"main": "v1"}}
    assert first.outputs.items() >= expected.items()
    assert runner("rollback-deployment", attempt=2, name="web").outputs["repeated"] is True
    assert images(kubectl) == ["v1"]


def test_the_history_says_what_the_newest_revision_changed(
    kubectl: Kubectl, runner: Runner
) -> None:
    deploy(kubectl, "v1")
    only = runner("rollout-history", name="web")
    assert only.code == 0, only.message
    assert (only.outputs["revision"], only.outputs["imagesChanged"]) == (1, False)
    assert "previousRevision" not in only.outputs
    deploy(kubectl, "v2")
    changed = runner("rollout-history", name="web").outputs
    expected = {
        "revision": 2, "previousRevision": 1, "imagesChanged": True, "revisions": [1, 2],
        "images": {"main": "v2"}, "previousImages": {"main": "v1"},
    }  # fmt: skip
    assert changed.items() >= expected.items()
    assert runner("rollout-restart", name="web").code == 0
    restarted = runner("rollout-history", name="web").outputs
    assert (restarted["previousRevision"], restarted["imagesChanged"]) == (2, False)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_a_workload_is_scaled(kubectl: Kubectl, runner: Runner, kind: str) -> None:
    kubectl.apply(fake_workload(kind, hang="true"))
    up = runner("scale", kind=kind, name="web", replicas=2, timeout="60s")
    assert up.code == 0, up.message
    assert up.outputs == {
        "fromReplicas": 0, "toReplicas": 2, "ready": 2, "changed": True, "repeated": False,
    }  # fmt: skip
    again = runner("scale", attempt=2, kind=kind, name="web", replicas=2)
    assert (again.outputs["repeated"], again.outputs["fromReplicas"]) == (True, 0)
    down = runner("scale", uid="u2", kind=kind, name="web", replicas=0, currentReplicas=2)
    assert (down.outputs["fromReplicas"], down.outputs["ready"]) == (2, 0)


def test_pods_without_a_node_are_said_to_be_unschedulable(kubectl: Kubectl, runner: Runner) -> None:
    kubectl.apply(workload("Deployment", "web"))
    ended = runner("scale", name="web", replicas=1, timeout="1m", podFailureTimeout="1s")
    assert (ended.code, "pod is unschedulable: " in ended.message) == (PERMANENT, True)


def test_an_image_that_cannot_be_pulled_is_the_reason_of_the_failure(
    kubectl: Kubectl, runner: Runner
) -> None:
    kubectl.apply(fake_workload("Deployment", image_error="true"))
    ended = runner("scale", name="web", replicas=1, timeout="1m", podFailureTimeout="1s")
    assert (ended.code, ": ImagePullBackOff" in ended.message) == (PERMANENT, True)


def test_a_quota_is_the_reason_of_the_failure(kubectl: Kubectl, runner: Runner) -> None:
    quota = {"hard": {"pods": "0"}}
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "none"},
            "spec": quota,
        },
        workload("Deployment", "web"),
    )
    ended = runner("scale", name="web", replicas=1, timeout="1m", podFailureTimeout="1s")
    assert (ended.code, "exceeded quota: none" in ended.message) == (PERMANENT, True)
