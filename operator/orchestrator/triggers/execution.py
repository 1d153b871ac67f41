"""`execution`: another workflow's execution ended. Chains are cut by their depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.initiator import initiator_of
from orchestrator.engine.times import from_rfc3339
from orchestrator.engine.trust import trust_from_status
from orchestrator.models.trigger import ExecutionEnded
from orchestrator.triggers.starting import Event

TYPE = "execution"


def matches(ended: ExecutionEnded, raw: Mapping[str, Any]) -> bool:
    """Whether an execution that has ended is one that the trigger listens to."""
    status = raw.get("status") or {}
    return (
        ended.workflow in (None, raw["spec"]["workflow"])
        and status.get("phase") in {phase.value for phase in ended.phases}
        and bool(status.get("finishedAt"))
    )


def event_of(raw: Mapping[str, Any]) -> Event:
    """The event of an execution's end, as read: who was behind that one is behind the event."""
    metadata, spec, status = raw["metadata"], raw["spec"], raw["status"]
    before = spec.get("trigger") or {}
    # What never ran was not judged: who created it is not known for sure.
    trusted = "revision" in status and trust_from_status(status.get("trust")).requester
    initiator = initiator_of(spec, trusted=trusted)
    data = {
        "name": metadata["name"],
        "uid": metadata["uid"],
        "workflow": spec["workflow"],
        "phase": status["phase"],
        "reason": status.get("reason") or "",
        "message": status.get("message") or "",
        "outputs": status.get("outputs") or {},
        "requester": initiator or "",
        "startedAt": status.get("startedAt"),
        "finishedAt": status["finishedAt"],
    }
    depth = int(before.get("depth") or 0) + 1
    at = from_rfc3339(status["finishedAt"])
    return Event(TYPE, metadata["uid"], data, at, depth, initiator)
