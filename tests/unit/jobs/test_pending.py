"""What keeps an attempt from starting, and the next command."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.engine.status.records import clip
from orchestrator.jobs.observe import observe
from orchestrator.jobs.pending import MOUNT_FAILURE, quota_message, why_refused, why_waiting
from tests.builders import template

NAMESPACE = "shop"
ALLOW = "automation.itechsmart.dev/allow-workflows=true"


def pod(
    *,
    init: list[dict[str, Any]] | None = None,
    injected: dict[str, Any] | None = None,
    **state: Any,
) -> dict[str, Any]:
    containers = [{"name": "action", "image": "tool:1", "state": state}]
    if injected is not None:
        containers.insert(0, {"name": "a-proxy", "image": "proxy:1", "state": injected})
    status = {
        "phase": "Pending",
        "containerStatuses": containers,
        "initContainerStatuses": init or [],
    }
    return {"metadata": {"name": "p", "namespace": NAMESPACE}, "spec": {}, "status": status}


def config_error(message: str) -> dict[str, Any]:
    return {"reason": "CreateContainerConfigError", "message": message}


@pytest.mark.parametrize(
    ("waiting", "reason", "words"),
    [
        (
            config_error('secret "api" not found'),
            "SecretMissing",
            "Secret api is missing: kubectl -n shop create secret generic api "
            "--from-literal=KEY=VALUE",
        ),
        (
            config_error("couldn't find key token in Secret shop/api"),
            "SecretMissing",
            "Secret api has no key token: kubectl -n shop patch secret api "
            """-p '{"stringData":{"token":"VALUE"}}'""",
        ),
        (
            config_error('configmap "settings" not found'),
            "SecretMissing",
            "kubectl -n shop create configmap settings --from-literal=KEY=VALUE",
        ),
        (
            config_error("couldn't find key url in ConfigMap shop/settings"),
            "SecretMissing",
            """patch configmap settings -p '{"data":{"url":"VALUE"}}'""",
        ),
        (
            config_error("container has runAsNonRoot and image will run as root"),
            "ContainerCannotStart",
            "image will run as root",
        ),
        (
            {"reason": "ErrImagePull", "message": "manifest unknown"},
            "ImagePull",
            "image tool:1 cannot be pulled; check its name, its registry and imagePullSecrets: "
            "manifest unknown",
        ),
        ({"reason": "ImagePullBackOff"}, "ImagePull", "tool:1"),
        ({"reason": "ErrImageNeverPull", "message": "not present"}, "ImagePull", "not present"),
        (
            {"reason": "InvalidImageName", "message": "couldn't parse image name"},
            "ImagePull",
            "image name 'tool:1' is invalid",
        ),
        (
            {"reason": "CreateContainerError", "message": "context deadline exceeded"},
            "ContainerCannotStart",
            "context deadline exceeded",
        ),
        ({"reason": "ContainerCreating"}, "", ""),
        ({"reason": "PodInitializing"}, "", ""),
    ],
)
def test_a_container_that_waits_says_why_and_what_to_do(
    waiting: dict[str, Any], reason: str, words: str
) -> None:
    found = why_waiting(pod(waiting=waiting))
    assert found[0] == reason
    assert words in clip(found[1])


@pytest.mark.parametrize(
    "held",
    [
        pod(
            waiting={"reason": "ContainerCreating"},
            injected={"waiting": {"reason": "ErrImagePull"}},
        ),
        pod(
            waiting={"reason": "PodInitializing"},
            init=[{"name": "a-proxy", "state": {"waiting": {"reason": "ImagePullBackOff"}}}],
        ),
        pod(
            waiting={"reason": "PodInitializing"},
            init=[{"name": "a-proxy", "state": {"running": {}}, "started": False}],
        ),
    ],
)
def test_an_injected_container_that_holds_the_action_up_is_named(held: dict[str, Any]) -> None:
    reason, message = why_waiting(held)
    assert reason == "InjectedContainer"
    assert "injected container a-proxy" in message


def test_a_native_sidecar_that_runs_holds_nothing_up() -> None:
    sidecar = [{"name": "a-proxy", "state": {"running": {}}, "started": True}]
    assert why_waiting(pod(waiting={"reason": "ContainerCreating"}, init=sidecar)) == ("", "")


def test_the_actions_own_cause_comes_before_those_of_injected_containers() -> None:
    held = pod(
        waiting=config_error('secret "api" not found'),
        injected={"waiting": {"reason": "ErrImagePull"}},
    )
    assert why_waiting(held)[0] == "SecretMissing"


def test_an_action_that_runs_is_running_whatever_an_injected_container_waits_for() -> None:
    job = {"metadata": {"name": "j", "uid": "u"}, "status": {"active": 1}}
    running = pod(running={}, injected={"waiting": {"reason": "ErrImagePull"}})
    assert observe(template(), job, [running]).state.value == "Running"


def test_an_init_container_that_failed_is_named() -> None:
    failed = pod(
        waiting={"reason": "PodInitializing"},
        init=[{"name": "a-init", "state": {"terminated": {"exitCode": 3}}}],
    )
    failed["status"]["phase"] = "Failed"
    attempt = observe(template(), {"metadata": {"name": "j", "uid": "u"}, "status": {}}, [failed])
    assert attempt.state.value == "Failed"
    assert "injected container a-init failed before the action could start" in attempt.message


QUOTA = (
    'pods "a" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1'
)


@pytest.mark.parametrize(
    ("message", "reason", "words"),
    [
        (
            f"Error creating: {QUOTA}",
            "QuotaExceeded",
            "quota few is used up, free some or raise it (kubectl -n shop describe quota few): "
            "requested: pods=1, used: pods=1, limited: pods=1",
        ),
        (
            'Error creating: pods "a" is forbidden: failed quota: cpu: must specify limits.cpu',
            "PodRefused",
            "must specify limits.cpu; set resources in the Template, or a LimitRange",
        ),
        (
            'pods "a" is forbidden: error looking up service account shop/runner: serviceaccount '
            '"runner" not found',
            "ServiceAccountMissing",
            "kubectl -n shop create serviceaccount runner; "
            f"kubectl -n shop label serviceaccount runner {ALLOW}",
        ),
        (
            'admission webhook "x" denied the request: no',
            "PodRefused",
            "the API server refuses the pod: admission webhook",
        ),
        ('pods "a" is forbidden: violates PodSecurity', "PodRefused", "violates PodSecurity"),
    ],
)
def test_a_pod_that_is_refused_says_why_and_what_to_do(
    message: str, reason: str, words: str
) -> None:
    found = why_refused(message, {"namespace": NAMESPACE})
    assert found[0] == reason
    assert words in clip(found[1])


def test_only_what_a_quota_says_is_waited_for() -> None:
    assert quota_message("jobs.batch is forbidden: exceeded quota: few, requested: x", "shop")
    assert quota_message("status unknown for quota: few, resources: count/jobs.batch", "shop")
    assert quota_message("User cannot create resource jobs", "shop") == ""
    assert quota_message("failed quota: cpu: must specify limits.cpu", "shop") == ""


@pytest.mark.parametrize(
    ("message", "reason", "words"),
    [
        (
            'MountVolume.SetUp failed for volume "v" : secret "api" not found',
            "SecretMissing",
            "kubectl -n shop create secret generic api",
        ),
        (
            'MountVolume.SetUp failed for volume "v" : references non-existent secret key: token',
            "SecretMissing",
            "has no key token",
        ),
        (
            'MountVolume.SetUp failed for volume "v" : configmap "settings" not found',
            "SecretMissing",
            "create configmap settings",
        ),
        ("Unable to attach or mount volumes: timed out", "ContainerCannotStart", "timed out"),
    ],
)
def test_a_volume_that_cannot_be_mounted_says_why(message: str, reason: str, words: str) -> None:
    held = pod(waiting={"reason": "ContainerCreating"})
    held["status"][MOUNT_FAILURE] = message
    found = why_waiting(held)
    assert found[0] == reason
    assert words in found[1]
