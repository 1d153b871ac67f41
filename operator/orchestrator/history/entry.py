"""What the history keeps of an execution, taken from the object as it was read.

An entry contains no secret: the specification and the status of an execution that was admitted
contain none, since a secret variable cannot be set by an execution and is left out of
`status.variables`. The variables of an execution that was never admitted were checked against
nothing, so their values are not kept.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from orchestrator.engine.lifecycle.retention import ended_at
from orchestrator.engine.times import from_rfc3339, optional_from_rfc3339
from orchestrator.kube.decoding import dumps
from orchestrator.models.base import API_VERSION
from orchestrator.models.execution import NodePhase
from orchestrator.models.labels import RESTORED_FROM
from orchestrator.models.plain_text import plain_text
from orchestrator.models.reasons import Reason
from orchestrator.operations.records import NOT_KEPT

Raw = Mapping[str, Any]

MAX_COLUMN = 253
"""Characters of a column; a longer text is cut off there, but whole in the document."""
MAX_SEARCH = 2000
"""Characters in which a text is searched for."""
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_METADATA = (
    "name", "namespace", "uid", "creationTimestamp", "generation", "labels", "annotations",
    "ownerReferences",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NodeTime:
    """How long a node took that ran and ended."""

    node: str
    approval: bool
    """Whether it waited for people."""
    duration: int
    """Milliseconds, retries and waits included."""

    def packed(self) -> list[Any]:
        """As a list, for JSON."""
        return [self.node, self.approval, self.duration]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A row of a list. Times and durations are in milliseconds; the former since the epoch."""

    uid: str
    namespace: str
    name: str
    workflow: str
    phase: str
    reason: str
    trigger: str
    trigger_type: str
    requester: str
    """Who started it: the person of its specification, or behind its trigger's event."""
    parent: str
    revision: str
    created_at: int
    started_at: int | None
    finished_at: int
    duration: int | None
    """None if it never started."""


@dataclass(frozen=True, slots=True)
class Entry(Recorded):
    """An ended execution, with what is stored beside its row."""

    restored_from: str
    """The uid that it had in a backup, as its label says; empty if it was not restored."""
    search: str
    """In lower case: its names, its people, its reason and its message."""
    labels: Mapping[str, str]
    nodes: tuple[NodeTime, ...]
    body: bytes
    """The object, without what only the API server needs, and its nodes; packed."""

    @property
    def forbidden(self) -> bool:
        """Whether a concurrency limit refused it, so that it does not count in the success rate."""
        return self.reason == Reason.CONCURRENCY_FORBIDDEN


def entry_from(raw: Raw, approvals: Collection[str] = ()) -> Entry | None:
    """The entry of an execution as read; None if it has not ended.

    `approvals` are the nodes of its workflow that wait for people.
    """
    metadata, spec, status = raw["metadata"], raw["spec"], raw.get("status") or {}
    finished = ended_at(status)
    if finished is None:
        return None
    trigger: Raw = spec.get("trigger") or {}
    requester = spec.get("requester") or trigger.get("requester") or ""
    started_at, finished_at = _optional(status.get("startedAt")), _milliseconds(finished)
    nodes = node_times(status, approvals)
    searched = [
        metadata["namespace"], metadata["name"], spec["workflow"], trigger.get("name", ""),
        requester, status.get("reason") or "", status.get("message") or "",
    ]  # fmt: skip
    return Entry(
        uid=metadata["uid"],
        restored_from=(metadata.get("labels") or {}).get(RESTORED_FROM, ""),
        namespace=metadata["namespace"],
        name=metadata["name"],
        workflow=_column(spec["workflow"]),
        phase=status["phase"],
        reason=_column(status.get("reason") or ""),
        trigger=_column(trigger.get("name", "")),
        trigger_type=_column(trigger.get("type", "")),
        requester=_column(requester),
        parent=(spec.get("parent") or {}).get("uid", ""),
        revision=status.get("revision") or "",
        created_at=_milliseconds(from_rfc3339(metadata["creationTimestamp"])),
        started_at=started_at,
        finished_at=finished_at,
        duration=None if started_at is None else max(0, finished_at - started_at),
        search=plain_text("\n".join(searched)).lower()[:MAX_SEARCH],
        labels=dict(metadata.get("labels") or {}),
        nodes=nodes,
        body=pack({"object": _document(raw), "nodes": [each.packed() for each in nodes]}),
    )


def approvals_of(revision: Raw) -> frozenset[str]:
    """The nodes that wait for people, from the data of a ControllerRevision; none of data that the
    operator did not write."""
    try:
        nodes = (revision.get("workflow") or {}).get("nodes") or ()
        return frozenset(node["name"] for node in nodes if node.get("approval"))
    except (AttributeError, LookupError, TypeError):
        return frozenset()


def node_times(status: Raw, approvals: Collection[str]) -> tuple[NodeTime, ...]:
    """The durations of the nodes that ran and ended."""
    found = []
    for name, record in (status.get("nodes") or {}).items():
        if record.get("phase") == NodePhase.SKIPPED:
            continue
        began, ended = _optional(record.get("startedAt")), _optional(record.get("finishedAt"))
        if began is not None and ended is not None:
            found.append(NodeTime(name, name in approvals, max(0, ended - began)))
    return tuple(found)


def object_of(body: bytes) -> dict[str, Any]:
    """The object in a document."""
    value: dict[str, Any] = unpack(body)["object"]
    return value


def nodes_of(body: bytes) -> tuple[NodeTime, ...]:
    """The durations of nodes in a document."""
    return tuple(NodeTime(*each) for each in unpack(body)["nodes"])


def pack(value: Raw) -> bytes:
    """Compressed JSON, as the database keeps it."""
    return zlib.compress(dumps(value))


def unpack(body: bytes) -> dict[str, Any]:
    """What was packed."""
    value: dict[str, Any] = orjson.loads(zlib.decompress(body))
    return value


def _document(raw: Raw) -> Raw:
    metadata = {key: raw["metadata"][key] for key in _METADATA if raw["metadata"].get(key)}
    if _LAST_APPLIED in metadata.get("annotations", {}):
        kept = {key: text for key, text in metadata["annotations"].items() if key != _LAST_APPLIED}
        metadata["annotations"] = kept
    spec, status = dict(raw["spec"]), dict(raw.get("status") or {})
    if not status.get("revision") and spec.get("variables"):
        spec["variables"] = dict.fromkeys(spec["variables"], NOT_KEPT)
    return {
        "apiVersion": raw.get("apiVersion") or API_VERSION,
        "kind": raw.get("kind") or "WorkflowExecution",
        "metadata": metadata,
        "spec": spec,
        "status": status,
    }


def _column(text: str) -> str:
    return plain_text(text)[:MAX_COLUMN]


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _optional(text: str | None) -> int | None:
    try:
        seconds = optional_from_rfc3339(text)
    except ValueError:  # a status that was written by someone else
        return None
    return None if seconds is None else _milliseconds(seconds)
