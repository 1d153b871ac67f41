"""Restores objects from a backup, as `kubectl get -o yaml` wrote them.

Executions get their status back, and those that had not ended are ended: nothing runs twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.engine.lifecycle.restored import MESSAGE
from orchestrator.engine.status.conditions import execution_conditions, without_recorded
from orchestrator.engine.times import to_rfc3339
from orchestrator.models.execution import ExecutionPhase, NodePhase
from orchestrator.models.labels import PARENT_UID, RESTORED_FROM, TRIGGER
from orchestrator.models.reasons import Reason
from orchestrator.operations.executions import has_ended
from orchestrator.operations.writes import EXECUTION, Manifest, Raw

INCIDENT = "Incident"
ORDER = ("ClusterTemplate", "Template", "Workflow", INCIDENT, EXECUTION, "Trigger")
"""Kinds in the order in which they are restored. Triggers are last: they react only to what is
newer than they are."""
_KEPT = ("name", "namespace", "labels", "annotations")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_GENERATION = 1
"""The generation of an object that was just created."""


def in_order(objects: Iterable[Raw]) -> list[Raw]:
    """The objects in the order of their restoration: definitions first, parents before children."""
    return sorted(objects, key=lambda raw: (ORDER.index(raw["kind"]), _depth(raw)))


def to_create(raw: Raw, uids: Mapping[str, str]) -> Manifest:
    """The object to create for one of a backup.

    `uids`: the new uids of objects that were restored before it, by those in the backup. Of an
    execution, decisions and signals are left out, since the API server takes none on creation; what
    they led to is in its status.
    """
    old = raw["metadata"]
    metadata = {key: old[key] for key in _KEPT if old.get(key)}
    if _LAST_APPLIED in metadata.get("annotations", {}):
        kept = {key: text for key, text in old["annotations"].items() if key != _LAST_APPLIED}
        metadata["annotations"] = kept
    if owners := [
        owner | {"uid": uids[owner["uid"]]}
        for owner in old.get("ownerReferences") or []
        if owner["uid"] in uids
    ]:
        metadata["ownerReferences"] = owners
    spec = dict(raw.get("spec") or {})
    if raw["kind"] == EXECUTION:
        labels = dict(metadata.get("labels") or {})
        for label in (PARENT_UID, TRIGGER):
            if label in labels:
                labels[label] = uids.get(labels[label], labels[label])
        metadata["labels"] = labels | {RESTORED_FROM: str(old.get("uid") or "unknown")}
        spec = {key: value for key, value in spec.items() if key not in ("decisions", "signals")}
        for field in ("parent", "trigger"):
            before: str = (spec.get(field) or {}).get("uid", "")
            if before in uids:
                spec[field] = spec[field] | {"uid": uids[before]}
    return {
        "apiVersion": raw["apiVersion"],
        "kind": raw["kind"],
        "metadata": metadata,
        "spec": spec,
    }


def status_to_write(raw: Raw, now: float) -> Manifest | None:
    """The status to write for an object of a backup; None if it needs none.

    An execution that had not ended is ended with the reason Restored. Workflows, Triggers and
    Templates get a status from the operator.
    """
    status = dict(raw.get("status") or {})
    if raw["kind"] == EXECUTION:
        return _as_created(_ended(status, now) if is_ended_by_it(raw) else status)
    return _as_created(status) if raw["kind"] == INCIDENT and status else None


def needs_status(existing: Raw, raw: Raw) -> bool:
    """Whether an execution that exists was created by an earlier restore which did not come to
    its status."""
    labels = existing["metadata"].get("labels") or {}
    uid = raw["metadata"].get("uid")
    return raw["kind"] == EXECUTION and labels.get(RESTORED_FROM) == uid and not has_ended(existing)


def is_ended_by_it(raw: Raw) -> bool:
    """Whether the restoration ends an object of a backup: an execution that had not ended."""
    return raw["kind"] == EXECUTION and not has_ended(raw)


def _depth(raw: Raw) -> int:
    return int(((raw.get("spec") or {}).get("parent") or {}).get("depth") or 0)


def _ended(status: Mapping[str, Any], now: float) -> Manifest:
    at = to_rfc3339(now)
    nodes = {name: _ended_node(record, at) for name, record in (status.get("nodes") or {}).items()}
    ended: Manifest = {
        **status,
        "phase": ExecutionPhase.CANCELLED.value,
        "reason": Reason.RESTORED.value,
        "message": MESSAGE,
        "finishedAt": at,
        "conditions": execution_conditions(
            ExecutionPhase.CANCELLED, Reason.RESTORED, MESSAGE, _GENERATION, now
        ),
    }
    ended.pop("active", None)
    if nodes:
        stopped = sum(record.get("reason") == Reason.RESTORED for record in nodes.values())
        counts = status.get("counts") or {}
        cancelled = int(counts.get("cancelled") or 0) + stopped
        ended |= {"nodes": nodes, "counts": {**counts, "running": 0, "cancelled": cancelled}}
        ended["progress"] = f"{len(nodes)}/{counts.get('total', len(nodes))}"
    return ended


def _ended_node(record: Mapping[str, Any], at: str) -> Manifest:
    if NodePhase(record["phase"]).terminal:
        return dict(record)
    stopped = {key: value for key, value in record.items() if key != "retryAt"}
    words = {"reason": Reason.RESTORED.value, "message": MESSAGE, "finishedAt": at}
    return {**stopped, "phase": NodePhase.CANCELLED.value, **words}


def _as_created(status: Manifest) -> Manifest:
    """The status with the generation of the object that was just created."""
    seen: Manifest = {**status, "observedGeneration": _GENERATION}
    if status.get("conditions"):
        seen["conditions"] = [
            {**each, "observedGeneration": _GENERATION}
            for each in without_recorded(status["conditions"])
        ]
    return seen
