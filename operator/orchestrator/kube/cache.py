"""Caches filled by watches: raw objects by (namespace, name), also indexed by owner or label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orchestrator.jobs.evidence import controller_of
from orchestrator.models.base import is_object_name
from orchestrator.models.labels import EXECUTION_UID

Raw = dict[str, Any]
Key = tuple[str | None, str]


def key_of(raw: Mapping[str, Any]) -> Key:
    """(namespace, name); the namespace of a cluster-scoped object is None."""
    metadata = raw["metadata"]
    return metadata.get("namespace"), metadata["name"]


class Cache:
    """Objects by namespace and name, as reflectors write it."""

    def __init__(self) -> None:
        self._objects: dict[Key, Raw] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[Raw]:
        return iter(list(self._objects.values()))

    def get(self, namespace: str | None, name: str) -> Raw | None:
        """The object as last observed, or None."""
        return self._objects.get((namespace, name))

    def known(self) -> list[Key]:
        """The keys of all objects."""
        return list(self._objects)

    def put(self, raw: Raw) -> Raw | None:
        """Store this version; returns the previous one, if any."""
        key = key_of(raw)
        old = self._objects.get(key)
        self._objects[key] = raw
        return old

    def remove(self, key: Key) -> Raw | None:
        """Remove the object; returns the stored version, if any."""
        return self._objects.pop(key, None)


class IndexedCache(Cache):
    """A cache that also finds objects by a label."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self._label = label
        self._groups: dict[str, dict[Key, Raw]] = {}

    def put(self, raw: Raw) -> Raw | None:
        old = super().put(raw)
        if old is not None:
            self._unindex(old)
        if group := self._group_of(raw):
            self._groups.setdefault(group, {})[key_of(raw)] = raw
        return old

    def remove(self, key: Key) -> Raw | None:
        old = super().remove(key)
        if old is not None:
            self._unindex(old)
        return old

    def labelled(self, value: str) -> Iterable[Raw]:
        """The objects whose label has this value."""
        return list(self._groups.get(value, {}).values())

    def _group_of(self, raw: Raw) -> str:
        value: str = (raw["metadata"].get("labels") or {}).get(self._label, "")
        return value

    def _unindex(self, raw: Raw) -> None:
        group = self._group_of(raw)
        members = self._groups.get(group)
        if members is not None:
            members.pop(key_of(raw), None)
            if not members:
                del self._groups[group]


class Jobs(IndexedCache):
    """The Jobs of executions, also indexed by the execution's name."""

    def __init__(self) -> None:
        super().__init__(EXECUTION_UID)
        self._named: dict[tuple[str, str], set[Key]] = {}

    def put(self, raw: Raw) -> Raw | None:
        old = super().put(raw)
        if old is not None and execution_of(old) != execution_of(raw):
            self._unname(old)
        if (execution := execution_of(raw)) is not None:
            self._named.setdefault(execution, set()).add(key_of(raw))
        return old

    def remove(self, key: Key) -> Raw | None:
        old = super().remove(key)
        if old is not None:
            self._unname(old)
        return old

    def _unname(self, raw: Raw) -> None:
        if (name := execution_of(raw)) is None:
            return
        self._named[name].discard(key_of(raw))
        if not self._named[name]:
            del self._named[name]

    def of_execution(self, namespace: str, name: str) -> list[Raw]:
        """The Jobs of the executions with this name."""
        found = (self.get(*key) for key in self._named.get((namespace, name), ()))
        return [raw for raw in found if raw is not None]

    def by_execution(self, namespace: str, uid: str) -> dict[str, Raw]:
        """The Jobs of an execution by name; the owner counts, since labels can be set in any
        namespace."""
        return {
            raw["metadata"]["name"]: raw
            for raw in self.labelled(uid)
            if raw["metadata"]["namespace"] == namespace
        }


def execution_of(job: Raw) -> tuple[str, str] | None:
    """Namespace and name of the execution that owns a Job; None if none does."""
    owner = execution_owner(job)
    return None if owner is None else (job["metadata"]["namespace"], owner["name"])


def execution_owner(job: Raw) -> Raw | None:
    """The owner reference of a Job to its execution; None if no execution owns it."""
    for owner in job["metadata"].get("ownerReferences") or ():
        if owner.get("kind") == "WorkflowExecution" and is_object_name(owner.get("name")):
            found: Raw = owner
            return found
    return None


JOB_NAME = "batch.kubernetes.io/job-name"
"""The label with which the Job controller marks its pods."""


class Pods(IndexedCache):
    """Pods of executions that show an end, and pending pods of slow Jobs.

    A Job's pods are those that it controls, by its uid and within its namespace: anyone who may
    create pods may set labels, and owners in other namespaces.
    """

    def __init__(self) -> None:
        super().__init__(JOB_NAME)
        self._pending: dict[str, list[Raw]] = {}

    def by_job(self, namespace: str, uid: str) -> list[Raw]:
        """The known pods of the Job: those that show an end, otherwise pending ones."""
        job = _job(namespace, uid)
        return list(self.labelled(job)) or list(self._pending.get(job, ()))

    def count(self, namespace: str, uid: str) -> int:
        """The number of known pods of the Job that show an end."""
        return len(self._groups.get(_job(namespace, uid), {}))

    def replace_pending(self, pods: Iterable[Raw]) -> None:
        """Replace the pending pods by these."""
        self._pending = {}
        for raw in pods:
            if job := self._group_of(raw):
                self._pending.setdefault(job, []).append(raw)

    def any_ended(self, namespace: str, uid: str) -> bool:
        """Whether a known pod of the Job shows an end."""
        return self.count(namespace, uid) > 0

    def _group_of(self, raw: Raw) -> str:
        uid = controller_of(raw)
        return _job(raw["metadata"]["namespace"], uid) if uid else ""


def _job(namespace: str, uid: str) -> str:
    return f"{namespace}/{uid}"
