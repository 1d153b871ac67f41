"""Actions on Argo CD's Applications and Argo Rollouts' Rollouts on a real API server, with the
rights of the runner's roles and no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.kube.resources import APPLICATIONS, ROLLOUTS
from tests.argo import (
    DEFINITIONS,
    GROUP,
    application_controller,
    controller,
    paused,
    rollout_controller,
)
from tests.conftest import fresh_namespace
from tests.examples import example
from tests.kube import Kubectl
from tests.runner import Runner, make_runner

PROVES = {
    "Kubernetes API server with the resources of Argo CD": ["argocd-sync", "argocd-rollback"],
    "Kubernetes API server with the resources of Argo Rollouts": [
        "rollouts-promote",
        "rollouts-abort",
    ],
}

PERMANENT, RETRY = 65, 1


@pytest.fixture(scope="module")
def argo(kubeconfig: Path) -> Iterator[Kubectl]:
    kubectl = Kubectl(kubeconfig)
    kubectl.apply(*DEFINITIONS)
    for each in DEFINITIONS:
        name = each["metadata"]["name"]
        kubectl("wait", "--for=condition=Established", f"crd/{name}", "--timeout=60s")
    yield fresh_namespace(kubectl)
    for each in DEFINITIONS:
        kubectl("delete", "crd", each["metadata"]["name"])


@pytest.fixture(scope="module")
def runner(argo: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return make_runner(argo, tmp_path_factory.mktemp("argo"), "applications")


def application(name: str, **more: Any) -> dict[str, Any]:
    source = {"repoURL": "https://git.example.com/x", "path": ".", "targetRevision": "main"}
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name},
        "spec": {"source": source, **more},
    }


def history(kubectl: Kubectl, name: str, *revisions: str) -> None:
    """Record these deployments in an Application's status."""
    source = {"repoURL": "https://git.example.com/x", "path": "."}
    entries = [
        {"id": index, "revision": revision, "source": {**source, "targetRevision": revision}}
        for index, revision in enumerate(revisions)
    ]
    patch = {"status": {"history": entries}}
    kubectl.api.merge(APPLICATIONS, kubectl.namespace, name, patch)


def test_an_application_is_synced_once(argo: Kubectl, runner: Runner) -> None:
    argo.apply(application("shop"))
    (parameters,) = example("argocd-sync", {})
    given = {**parameters, "namespace": argo.namespace}
    with controller(application_controller(argo, "shop")):
        ended = runner("argocd-sync", **given)
        assert ended.code == 0, ended.message
        assert ended.outputs == {
            "revision": "v1.4.0", "sync": "Synced", "health": "Healthy",
            "message": "successfully synced", "repeated": False, "truncated": False,
        }  # fmt: skip
        operation = argo.get("application", "shop")["status"]["operationState"]["operation"]
        assert operation["sync"]["prune"] is True
        assert operation["initiatedBy"] == {"username": f"{argo.namespace}/respond"}
        again = runner("argocd-sync", attempt=2, **given)
        assert again.outputs == {**ended.outputs, "repeated": True}
        other = runner("argocd-sync", uid="u2", **{**given, "revision": "v2"})
        assert (other.outputs["revision"], other.outputs["repeated"]) == ("v2", False)


def test_a_sync_that_fails_is_permanent(argo: Kubectl, runner: Runner) -> None:
    argo.apply(application("failing"))
    with controller(application_controller(argo, "failing", phase="Failed")):
        ended = runner("argocd-sync", name="failing", namespace=argo.namespace)
    assert (ended.code, "one object is invalid" in ended.message) == (PERMANENT, True)


def test_an_application_that_stays_degraded_is_worth_a_retry(argo: Kubectl, runner: Runner) -> None:
    argo.apply(application("degraded"))
    given: dict[str, Any] = {"name": "degraded", "namespace": argo.namespace, "timeout": "6s"}
    with controller(application_controller(argo, "degraded", health="Degraded")):
        ended = runner("argocd-sync", **given)
        assert (ended.code, "health Degraded" in ended.message) == (RETRY, True), ended.message
        ended = runner("argocd-sync", attempt=2, waitHealthy=False, **given)
        assert (ended.outputs["repeated"], ended.outputs["health"]) == (True, "Degraded")


def test_an_application_is_rolled_back(argo: Kubectl, runner: Runner) -> None:
    argo.apply(application("back"))
    history(argo, "back", "r0", "r1", "r2")
    (parameters,) = example("argocd-rollback", name="back")
    given = {**parameters, "namespace": argo.namespace}
    with controller(application_controller(argo, "back")):
        assert runner("argocd-rollback", **given).outputs["revision"] == "r1"
        assert runner("argocd-rollback", uid="u2", id=0, **given).outputs["revision"] == "r0"
    operation = argo.get("application", "back")["status"]["operationState"]["operation"]
    assert operation["sync"]["source"]["targetRevision"] == "r0"
    gone = runner("argocd-rollback", uid="u3", id=7, **given)
    assert (gone.code, "it has 0, 1, 2" in gone.message) == (PERMANENT, True)


def test_after_a_failed_sync_the_last_deployment_is_returned_to(
    argo: Kubectl, runner: Runner
) -> None:
    argo.apply(application("unsynced"))
    history(argo, "unsynced", "r0", "r1")
    given: dict[str, Any] = {"name": "unsynced", "namespace": argo.namespace}
    with controller(application_controller(argo, "unsynced", phase="Failed")):
        assert runner("argocd-sync", **given).code == PERMANENT
    with controller(application_controller(argo, "unsynced")):
        assert runner("argocd-rollback", uid="u2", **given).outputs["revision"] == "r1"


def test_what_cannot_be_rolled_back_is_permanent(argo: Kubectl, runner: Runner) -> None:
    argo.apply(application("auto", syncPolicy={"automated": {}}), application("new"))
    for name, words in (("auto", "has automated sync"), ("new", "no earlier deployment")):
        ended = runner("argocd-rollback", name=name, namespace=argo.namespace)
        assert (ended.code, words in ended.message) == (PERMANENT, True)
    missing = runner("argocd-sync", name="none", namespace=argo.namespace)
    assert (missing.code, "not found" in missing.message) == (PERMANENT, True)
    forbidden = runner("argocd-sync", name="none", namespace="default")
    assert (forbidden.code, "automation-runner" in forbidden.message) == (PERMANENT, True)


def rollout(kubectl: Kubectl, name: str, status: dict[str, Any]) -> None:
    """A Rollout with a canary of two pauses, and a new version."""
    steps = [{"setWeight": 20}, {"pause": {}}, {"pause": {}}]
    kubectl.apply(
        {
            "apiVersion": f"{GROUP}/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": name},
            "spec": {"strategy": {"canary": {"steps": steps}}},
        }
    )
    given = {"currentPodHash": "new", "stableRS": "old", **status}
    kubectl.api.merge(ROLLOUTS, kubectl.namespace, name, {"status": given}, "status")


def test_a_rollout_is_promoted_step_by_step(argo: Kubectl, runner: Runner) -> None:
    rollout(argo, "shop", paused(1))
    (parameters,) = example("rollouts-promote", {})
    with controller(rollout_controller(argo, "shop")):
        first = runner("rollouts-promote", **parameters)
        assert first.outputs == {
            "phase": "Paused", "step": 2, "changed": True, "repeated": False,
        }, first.message  # fmt: skip
        again = runner("rollouts-promote", attempt=2, **parameters)
        assert again.outputs == {**first.outputs, "repeated": True}
        second = runner("rollouts-promote", uid="u2", **parameters)
        assert (second.outputs["phase"], second.outputs["step"]) == ("Healthy", 3)
    done = runner("rollouts-promote", uid="u3", **parameters)
    assert (done.code, done.outputs["changed"]) == (0, False)


def test_a_rollout_is_promoted_fully(argo: Kubectl, runner: Runner) -> None:
    rollout(argo, "full", paused(1))
    with controller(rollout_controller(argo, "full")):
        ended = runner("rollouts-promote", name="full", full=True)
    assert (ended.code, ended.outputs["phase"]) == (0, "Healthy"), ended.message


def test_a_degraded_or_aborted_rollout_is_permanent(argo: Kubectl, runner: Runner) -> None:
    rollout(argo, "bad", {"phase": "Degraded", "message": "ProgressDeadlineExceeded"})
    ended = runner("rollouts-promote", name="bad")
    assert (ended.code, "ProgressDeadlineExceeded" in ended.message) == (PERMANENT, True)
    rollout(argo, "aborted", {"phase": "Degraded", "abort": True})
    ended = runner("rollouts-promote", name="aborted")
    assert (ended.code, "is aborted" in ended.message) == (PERMANENT, True)


def test_an_update_is_aborted(argo: Kubectl, runner: Runner) -> None:
    rollout(argo, "shop", paused(1))
    (parameters,) = example("rollouts-abort", {})
    ended = runner("rollouts-abort", **parameters)
    assert ended.outputs == {"step": 1, "stable": "old", "repeated": False}
    assert argo.get("rollout", "shop")["status"]["abort"] is True
    assert runner("rollouts-abort", attempt=2, **parameters).outputs["repeated"] is True
    rollout(argo, "stable", {"phase": "Healthy", "stableRS": "new", "currentStepIndex": 3})
    ended = runner("rollouts-abort", name="stable")
    assert (ended.code, "no update in progress" in ended.message) == (PERMANENT, True)
