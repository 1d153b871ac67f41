"""What the types that follow Kubernetes objects share: which object, when, and whose doing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from pydantic import Field

from orchestrator.engine.times import from_rfc3339
from orchestrator.models.base import GROUP
from orchestrator.models.labels import EXECUTION_UID, MANAGED_BY, MANAGER
from orchestrator.triggers.sources import Change

Raw = Mapping[str, Any]
Labels = Annotated[
    dict[str, Annotated[str, Field(max_length=63)]], Field(min_length=1, max_length=16)
]
"""Labels that an object must have, all of them."""

MAX_OBJECT_BYTES = 48 * 1024
"""Maximum size of an object in an event, in bytes of JSON: an execution keeps 64 KiB of one."""
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_HASH = r"-[a-z2-7]{26}"
_OF_EXECUTION = re.compile(rf".+{_HASH}(-\d+)?(-[a-z0-9]{{5}})?")
"""The names of the Jobs of executions, and of their pods."""


def selected(raw: Raw, name: str | None, labels: Mapping[str, str] | None) -> bool:
    """Whether an object has this name and these labels, where they are given."""
    metadata = raw["metadata"]
    there = metadata.get("labels") or {}
    return name in (None, metadata["name"]) and all(
        there.get(label) == value for label, value in (labels or {}).items()
    )


def is_ours(raw: Raw) -> bool:
    """Whether an object belongs to an execution: a Trigger on executions is what follows these."""
    labels = raw["metadata"].get("labels") or {}
    return EXECUTION_UID in labels or labels.get(MANAGED_BY) == MANAGER


def is_about_execution(involved: Raw) -> bool:
    """Whether a Kubernetes Event is about an object of ours, or about an execution's Job or pod."""
    if str(involved.get("apiVersion") or "").partition("/")[0] == GROUP:
        return True
    named = _OF_EXECUTION.fullmatch(str(involved.get("name") or ""))
    return involved.get("kind") in ("Job", "Pod") and named is not None


def written_at(change: Change) -> float:
    """When the change was written, by the API server's clock where it says so."""
    metadata = change.object["metadata"]
    times = [each["time"] for each in metadata.get("managedFields") or () if each.get("time")]
    if change.type == "DELETED":
        return (
            from_rfc3339(metadata.get("deletionTimestamp") or "")
            if metadata.get("deletionTimestamp")
            else change.observed_at
        )
    return max(map(from_rfc3339, times)) if times else change.observed_at


def shown(raw: Raw) -> tuple[dict[str, Any], bool]:
    """The object in an event, and whether it was too large and only its identity is left."""
    metadata = {key: value for key, value in raw["metadata"].items() if key != "managedFields"}
    annotations = dict(metadata.get("annotations") or {})
    if annotations.pop(APPLIED, None) is not None:
        metadata["annotations"] = annotations
    whole = {**raw, "metadata": metadata}
    if len(orjson.dumps(whole)) <= MAX_OBJECT_BYTES:
        return whole, False
    kept = ("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp")
    left = {
        "apiVersion": raw.get("apiVersion", ""),
        "kind": raw.get("kind", ""),
        "metadata": {key: metadata[key] for key in kept if key in metadata},
    }
    return left, True
