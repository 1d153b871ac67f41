"""The volumes of a pod: a writable /tmp, and those of the allowed types that a Template names."""

from __future__ import annotations

from typing import Any

from orchestrator.models.pod import Action, Volume

TMP = "/tmp"  # noqa: S108 - the pod's own emptyDir
_TYPES = ("empty_dir", "config_map", "secret", "persistent_volume_claim")


def volumes(action: Action) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The pod's volumes, and where its container mounts them."""
    pod_volumes: list[dict[str, Any]] = []
    mounts: list[dict[str, Any]] = []
    for volume in action.volumes or ():
        pod_volumes.append({"name": volume.name, **_source(volume)})
        mount: dict[str, Any] = {"name": volume.name, "mountPath": volume.mount_path}
        if volume.read_only:
            mount["readOnly"] = True
        mounts.append(mount)
    if not any(mount["mountPath"].rstrip("/") == TMP for mount in mounts):
        pod_volumes.append({"name": "automation-tmp", "emptyDir": {}})
        mounts.append({"name": "automation-tmp", "mountPath": TMP})
    return pod_volumes, mounts


def _source(volume: Volume) -> dict[str, Any]:
    raw: dict[str, Any] = volume.model_dump(
        mode="json", by_alias=True, exclude_none=True, include=set(_TYPES)
    )
    return raw
