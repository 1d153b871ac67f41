"""`resource`: an object of any kind was added, changed or deleted in the trigger's namespace."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from orchestrator.models.base import GROUP, Json, Line, Model, ObjectName, Uid
from orchestrator.models.chain import chain_of
from orchestrator.triggers.sources import Change, Changes, Event, WatchedResource
from orchestrator.triggers.trigger_type import SAMPLE_UID, TriggerType
from orchestrator.triggers.watched import Labels, is_ours, selected, shown, written_at
from orchestrator.validation.problem import Problem

_INSTEAD = {
    ("", "secrets"): "no Trigger sees Secrets",
    ("", "events"): "write `kubernetesEvent` for Kubernetes Events",
    ("events.k8s.io", "events"): "write `kubernetesEvent` for Kubernetes Events",
}
_KINDS = {"Secret": "secrets", "Event": "events"}
_API_VERSION = re.compile(r"([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?v[a-z0-9]+")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]*")
_PLURAL = re.compile(r"[a-z][a-z0-9]*")


class ObjectChange(StrEnum):
    """What can become of an object."""

    ADDED = "Added"
    MODIFIED = "Modified"
    DELETED = "Deleted"


_BY_TYPE = {
    "ADDED": ObjectChange.ADDED,
    "MODIFIED": ObjectChange.MODIFIED,
    "DELETED": ObjectChange.DELETED,
}


class WatchedObjects(Model):
    """Objects of one kind in the namespace; give `kind` or `resource`."""

    api_version: Annotated[str, Field(min_length=1, max_length=253)]
    """Their apiVersion, such as `v1` or `apps/v1`."""
    kind: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """Their kind, such as `StatefulSet`."""
    resource: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """Their plural name, such as `statefulsets`."""
    name: ObjectName | None = None
    """Only the one of this name."""
    labels: Labels | None = None
    """Only those with these labels."""
    changes: Annotated[list[ObjectChange], Field(min_length=1, max_length=3)]
    """What must have become of them: Added, Modified, Deleted."""


class ChangedObject(Model):
    """The event: an object was added, changed or deleted."""

    change: ObjectChange
    """What became of it."""
    api_version: Line
    """Its apiVersion."""
    kind: Line
    """Its kind."""
    name: Line
    """Its name."""
    namespace: Line
    """Its namespace, which is the Trigger's."""
    uid: Uid
    """Its uid."""
    resource_version: Line
    """Its version after the change."""
    labels: Annotated[dict[str, Line], Field(max_length=512)]
    """Its labels."""
    object: dict[str, Json]
    """The object as it is after the change, or was before its deletion, without managedFields. Of
    one over 48 KiB only apiVersion, kind and the metadata that identify it."""
    truncated: bool
    """Whether `object` is incomplete because of its size."""


def events_of(settings: WatchedObjects, change: Change) -> Sequence[Event]:
    """The event of a change, or nothing."""
    raw, kind = change.object, _BY_TYPE.get(change.type)
    if kind not in settings.changes or not selected(raw, settings.name, settings.labels):
        return ()
    if is_ours(raw):
        return ()
    metadata, at = raw["metadata"], written_at(change)
    whole, truncated = shown(raw)
    chain = chain_of(metadata.get("annotations"), at)
    version = metadata["resourceVersion"]
    data = {
        "change": kind.value,
        "apiVersion": raw.get("apiVersion") or settings.api_version,
        "kind": raw.get("kind") or settings.kind or "",
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
        "resourceVersion": version,
        "labels": metadata.get("labels") or {},
        "object": whole,
        "truncated": truncated,
    }
    # An object is added and deleted once, so that a list which shows it later is no second event.
    once = kind is not ObjectChange.MODIFIED
    identity = f"{metadata['uid']}/{kind.value if once else version}"
    return (Event(RESOURCE.key, identity, data, at, chain.depth + 1, root=chain.root),)


def _resource(settings: WatchedObjects) -> WatchedResource:
    group, _, version = settings.api_version.rpartition("/")
    plural, kind = settings.resource or "", settings.kind or ""
    return WatchedResource(group, version, plural, "" if plural else kind, verified=False)


def _problems(path: str, settings: WatchedObjects) -> Iterator[Problem]:
    for field, text, form, example in (
        ("apiVersion", settings.api_version, _API_VERSION, "v1 or apps/v1"),
        ("kind", settings.kind, _KIND, "StatefulSet"),
        ("resource", settings.resource, _PLURAL, "statefulsets"),
    ):
        if text is not None and not form.fullmatch(text):
            yield Problem(f"{path}.{field}", f"{text!r} is none; write one such as {example}")
    if (settings.kind is None) == (settings.resource is None):
        yield Problem(path, "write one of kind and resource, such as `kind: StatefulSet`")
    group = settings.api_version.rpartition("/")[0]
    plural = settings.resource or _KINDS.get(settings.kind or "", "")
    if instead := _INSTEAD.get((group, plural)):
        yield Problem(path, instead)
    if group == GROUP:
        message = "write `execution` or `incident`: objects of this API have types of their own"
        yield Problem(f"{path}.apiVersion", message)


def _deletions(settings: WatchedObjects) -> bool:
    return ObjectChange.DELETED in settings.changes


def _sample(settings: WatchedObjects, _at: float) -> dict[str, Any]:
    kind, name = settings.kind or "", settings.name or "sample"
    labels = dict(settings.labels or {})
    metadata = {"name": name, "namespace": "default", "uid": SAMPLE_UID, "labels": labels}
    whole = {"apiVersion": settings.api_version, "kind": kind, "metadata": metadata}
    return {
        "change": settings.changes[0].value,
        "apiVersion": settings.api_version,
        "kind": kind,
        "name": name,
        "namespace": "default",
        "uid": SAMPLE_UID,
        "resourceVersion": "1",
        "labels": labels,
        "object": whole,
        "truncated": False,
    }


RESOURCE: TriggerType[Any] = TriggerType(
    key="resource",
    starts="Starts when an object of the namespace was added, changed or deleted.",
    settings=WatchedObjects,
    event=ChangedObject,
    source=Changes(_resource, events_of, level=False, deletions=_deletions),
    problems=_problems,
    sample=_sample,
)
