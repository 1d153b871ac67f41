"""The volume that the pods of an execution share."""

from __future__ import annotations

from typing import Any

from orchestrator.jobs.build import ExecutionIdentity, NodeJob, build_job
from orchestrator.jobs.observe import is_ours
from orchestrator.jobs.workspace import build_claim, mount
from orchestrator.models.pod import Workspace
from tests.builders import IMAGE, template

EXECUTION = ExecutionIdentity("run-1", "shop", "7f3c", "flow", {"name": "run-1"})


def pod(**workspace: Any) -> dict[str, Any]:
    job = build_job(template(), NodeJob("a", 1, 0, {}, 60), EXECUTION, None, IMAGE)
    spec: dict[str, Any] = job["spec"]["template"]["spec"]
    mount(spec, Workspace.model_validate(workspace), EXECUTION)
    return spec


def test_a_volume_of_one_machine_keeps_the_pods_together() -> None:
    spec = pod()
    (term,) = spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    assert term["labelSelector"]["matchLabels"] == {
        "automation.itechsmart.dev/execution-uid": "7f3c"
    }
    assert spec["securityContext"]["fsGroup"] == spec["securityContext"]["runAsGroup"]
    assert spec["containers"][0]["env"][0] == {
        "name": "WORKSPACE",
        "value": "/automation/workspace",
    }


def test_a_volume_of_many_machines_does_not() -> None:
    assert "affinity" not in pod(accessMode="ReadWriteMany")


def test_the_claim_is_the_executions_own() -> None:
    claim = build_claim(Workspace.model_validate({"size": "3Gi"}), EXECUTION)
    assert is_ours(claim, EXECUTION)
    assert claim["spec"]["resources"] == {"requests": {"storage": "3Gi"}}
    assert "storageClassName" not in claim["spec"]
    named = build_claim(Workspace.model_validate({"storageClassName": "fast"}), EXECUTION)
    assert named["spec"]["storageClassName"] == "fast"
