"""Projections of watched objects: enough for decisions, in a fraction of the memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.jobs.evidence import controller_of, has_ended
from orchestrator.kube.cache import JOB_NAME, Raw
from orchestrator.models.labels import EXECUTION_UID

_METADATA = (
    "name", "namespace", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp",
    "annotations",
)  # fmt: skip
_OWNER = ("kind", "name", "uid")
_JOB_SPEC = ("completionMode", "completions", "parallelism")
_JOB_STATUS = (
    "conditions", "active", "ready", "completedIndexes", "failedIndexes", "completionTime",
)  # fmt: skip
_POD_LABELS = (JOB_NAME, EXECUTION_UID)
_POD_SPEC = ("nodeName", "activeDeadlineSeconds")
_POD_STATUS = ("phase", "reason", "message", "startTime")
POD_CONDITIONS = ("DisruptionTarget", "PodScheduled")
_CONTAINER = ("name", "image", "started", "state")


def project_job(raw: Raw) -> Raw:
    """A Job without its pod template, with the fields that decisions need."""
    metadata = raw["metadata"]
    kept = _some(metadata, _METADATA)
    kept["labels"] = metadata.get("labels") or {}
    kept["ownerReferences"] = [
        _some(owner, _OWNER) for owner in metadata.get("ownerReferences") or ()
    ]
    return {
        "metadata": kept,
        "spec": _some(raw.get("spec") or {}, _JOB_SPEC),
        "status": _some(raw.get("status") or {}, _JOB_STATUS),
    }


def project_pod(raw: Raw) -> Raw:
    """A pod with how it ended, or what it waits for."""
    metadata, status = raw["metadata"], raw.get("status") or {}
    kept = _some(metadata, _METADATA)
    kept["labels"] = _some(metadata.get("labels") or {}, _POD_LABELS)
    if uid := controller_of(raw):
        kept["ownerReferences"] = [{"uid": uid, "controller": True}]
    said = _some(status, _POD_STATUS)
    for key in ("containerStatuses", "initContainerStatuses"):
        if statuses := status.get(key):
            said[key] = [_some(container, _CONTAINER) for container in statuses]
    said["conditions"] = [
        condition
        for condition in status.get("conditions") or ()
        if condition.get("type") in POD_CONDITIONS
    ]
    return {"metadata": kept, "spec": _some(raw.get("spec") or {}, _POD_SPEC), "status": said}


def project_ended_pod(raw: Raw) -> Raw | None:
    """The same for a pod that shows an end and has a controller; None for others."""
    return project_pod(raw) if has_ended(raw) and controller_of(raw) else None


def without_managed_fields(raw: Raw) -> Raw:
    """Any object without its managedFields."""
    metadata = {key: value for key, value in raw["metadata"].items() if key != "managedFields"}
    return {**raw, "metadata": metadata}


def _some(raw: Mapping[str, Any], keys: tuple[str, ...]) -> Raw:
    return {key: raw[key] for key in keys if key in raw}
