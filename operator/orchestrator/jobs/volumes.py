"""The volumes of a pod: those in the Template, and a writable /tmp.

A volume with its mount adds ten field paths to the Job and ten to the pod, and a mount for the
kubelet. A Template that writes no files sets `volumes: []`.
"""

from __future__ import annotations

from typing import Any

from orchestrator.models.pod import Action, Volume

TMP = "/tmp"  # noqa: S108 - the pod's own emptyDir
_TYPES = ("empty_dir", "config_map", "secret", "persistent_volume_claim")


def volumes(action: Action) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The pod's volumes, and their mounts in its container."""
    pod_volumes: list[dict[str, Any]] = []
    mounts: list[dict[str, Any]] = []
    for volume in action.volumes or ():
        pod_volumes.append({"name": volume.name, **_source(volume)})
        mount: dict[str, Any] = {"name": volume.name, "mountPath": volume.mount_path}
        if volume.read_only:
            mount["readOnly"] = True
        mounts.append(mount)
    if has_tmp(action) and not _names_tmp(action):
        pod_volumes.append({"name": "automation-tmp", "emptyDir": {}})
        mounts.append({"name": "automation-tmp", "mountPath": TMP})
    return pod_volumes, mounts


def has_tmp(action: Action) -> bool:
    """Whether /tmp is writable: unless the Template sets an empty list of volumes. A script is a
    file in /tmp."""
    return action.volumes != [] or action.script is not None


def _names_tmp(action: Action) -> bool:
    return any(volume.mount_path.rstrip("/") == TMP for volume in action.volumes or ())


def _source(volume: Volume) -> dict[str, Any]:
    raw: dict[str, Any] = volume.model_dump(
        mode="json", by_alias=True, exclude_none=True, include=set(_TYPES)
    )
    return raw
