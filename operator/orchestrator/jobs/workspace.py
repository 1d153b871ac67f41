"""The volume that an execution's action pods share, at $WORKSPACE."""

from __future__ import annotations

from typing import Any

from orchestrator.jobs.attempt import ExecutionIdentity
from orchestrator.models import labels
from orchestrator.models.base import API_VERSION
from orchestrator.models.pod import AccessMode, Workspace

DIRECTORY = "/automation/workspace"
"""The mount path of the volume."""
_VOLUME = "automation-workspace"


def claim_name(execution_uid: str) -> str:
    """The name of an execution's claim."""
    return f"workspace-{execution_uid}"


def build_claim(workspace: Workspace, identity: ExecutionIdentity) -> dict[str, Any]:
    """The claim's manifest, owned by the execution."""
    spec: dict[str, Any] = {
        "accessModes": [workspace.access_mode.value],
        "resources": {"requests": {"storage": str(workspace.size)}},
    }
    if workspace.storage_class_name:
        spec["storageClassName"] = workspace.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": claim_name(identity.uid),
            "namespace": identity.namespace,
            "labels": {
                labels.MANAGED_BY: labels.MANAGER,
                labels.WORKFLOW: identity.workflow,
                labels.EXECUTION_UID: identity.uid,
            },
            "annotations": {labels.EXECUTION: identity.name},
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": "WorkflowExecution",
                    "name": identity.name,
                    "uid": identity.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": spec,
    }


def mount(pod: dict[str, Any], workspace: Workspace, identity: ExecutionIdentity) -> None:
    """Mount the volume in a pod's spec.

    A volume that is bound to one machine keeps the pods of the execution together: each must run on
    the same machine, which the first one determines.
    """
    claim = {"claimName": claim_name(identity.uid)}
    pod.setdefault("volumes", []).append({"name": _VOLUME, "persistentVolumeClaim": claim})
    container = pod["containers"][0]
    container.setdefault("volumeMounts", []).append({"name": _VOLUME, "mountPath": DIRECTORY})
    container["env"].insert(0, {"name": "WORKSPACE", "value": DIRECTORY})
    context = pod["securityContext"]
    context.setdefault("fsGroup", context["runAsGroup"])
    if workspace.access_mode is AccessMode.READ_WRITE_ONCE:
        term = {
            "labelSelector": {"matchLabels": {labels.EXECUTION_UID: identity.uid}},
            "topologyKey": "kubernetes.io/hostname",
        }
        required = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
        pod["affinity"] = {"podAffinity": required}
