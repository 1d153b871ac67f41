"""A trigger on the Events that a real kubelet reports."""

from __future__ import annotations

from typing import Any

import pytest

from dev.cluster.images import BUSYBOX_IMAGE
from tests.kube import ROOT, Kubectl, ended, eventually
from tests.runner import allow_runner

EXAMPLE = ROOT / "manifests/examples/trigger-kubernetes-event.yaml"
CRASHES: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "seats"},
    "spec": {
        "automountServiceAccountToken": False,
        "containers": [
            {
                "name": "seats",
                "image": BUSYBOX_IMAGE,
                "command": ["sh", "-c", "echo no seats left; exit 1"],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "runAsNonRoot": True,
                    "runAsUser": 1000,
                    "capabilities": {"drop": ["ALL"]},
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
            }
        ],
    },
}
pytestmark = pytest.mark.usefixtures("operator")


def test_a_pod_that_crashes_again_and_again_is_triaged_once(kubectl: Kubectl) -> None:
    allow_runner(kubectl)
    kubectl("apply", "-f", str(EXAMPLE))
    kubectl("wait", "--for=condition=Ready", "trigger/on-crash-loop", "--timeout=90s")
    kubectl.create(CRASHES)
    eventually(lambda: kubectl.get("awfx")["items"], 180)
    # The kubelet reports the same reason again before each further start of the container.
    eventually(lambda: counts(kubectl).get("deduplicated", 0) >= 1, 180)
    (execution,) = kubectl.get("awfx")["items"]
    raw = ended(kubectl, execution["metadata"]["name"])
    assert raw["status"]["phase"] == "Succeeded", raw["status"]
    assert raw["spec"]["variables"] == {"pod": "seats"}
    event = raw["spec"]["trigger"]["event"]
    assert (event["reason"], event["type"], event["object"]["kind"]) == (
        "BackOff",
        "Warning",
        "Pod",
    )
    nodes = raw["status"]["nodes"]
    assert nodes["log"]["outputs"]["text"] == "no seats left"
    assert counts(kubectl)["started"] == 1


def counts(kubectl: Kubectl) -> dict[str, int]:
    """What the Trigger has counted."""
    found: dict[str, int] = kubectl.get("awft", "on-crash-loop")["status"].get("counts", {})
    return found
