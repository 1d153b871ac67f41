"""`execution`: another workflow's execution ended. Chains are cut by their depth."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from orchestrator.engine.lifecycle.retention import ended_at
from orchestrator.engine.people.initiator import initiator_of
from orchestrator.engine.people.trust import trust_from_status
from orchestrator.engine.times import from_rfc3339, to_rfc3339
from orchestrator.models.base import (
    Json,
    Line,
    Model,
    ObjectName,
    Text,
    Timestamp,
    Uid,
    WorkflowName,
)
from orchestrator.models.reasons import Reason
from orchestrator.triggers.sources import Event, Watch
from orchestrator.triggers.trigger_type import SAMPLE_UID, TriggerType


class EndPhase(StrEnum):
    """How an execution can end."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    CANCELLED = "Cancelled"


class ExecutionEnded(Model):
    """Executions of the namespace that have ended."""

    workflow: WorkflowName | None = None
    """Only of this workflow; of any if absent."""
    phases: Annotated[list[EndPhase], Field(min_length=1, max_length=4)] = [EndPhase.SUCCEEDED]
    """Only in one of these phases."""


class EndedExecution(Model):
    """The event: an execution that has ended."""

    name: ObjectName
    """Name of the execution."""
    uid: Uid
    """Uid of the execution."""
    workflow: WorkflowName
    """The workflow that it ran."""
    phase: EndPhase
    """How it ended."""
    reason: Line
    """The reason of its end, in one word."""
    message: Text
    """The reason of its end, in a sentence."""
    outputs: dict[str, Json]
    """Its outputs; empty unless it succeeded."""
    requester: Line
    """The person behind it; empty if there is none or they are unknown."""
    started_at: Timestamp | None
    """When it started; null if it never did."""
    finished_at: Timestamp
    """When it ended."""


def matches(ended: ExecutionEnded, raw: Mapping[str, Any]) -> bool:
    """Whether an execution that has ended is one that the trigger listens to."""
    status = raw.get("status") or {}
    return (
        ended.workflow in (None, raw["spec"]["workflow"])
        and status.get("phase") in {phase.value for phase in ended.phases}
        and bool(status.get("finishedAt"))
        and status.get("reason") != Reason.RESTORED
    )


def event_of(raw: Mapping[str, Any]) -> Event:
    """The event of an execution's end; its requester is the execution's."""
    metadata, spec, status = raw["metadata"], raw["spec"], raw["status"]
    before = spec.get("trigger") or {}
    # An execution that never ran was not verified: its creator is not known for sure.
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
    root = before.get("root") or metadata["uid"]
    return Event(EXECUTION.key, metadata["uid"], data, at, depth, initiator, root=root)


def _ended_at(raw: Mapping[str, Any]) -> float | None:
    return ended_at(raw.get("status") or {})


def _projection(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What matching reads of an execution, which can be a megabyte."""
    metadata, status = raw["metadata"], raw.get("status") or {}
    return {
        "metadata": {key: metadata[key] for key in ("namespace", "name", "uid")},
        "spec": {"workflow": raw["spec"]["workflow"]},
        "status": {"phase": status.get("phase"), "finishedAt": status.get("finishedAt")},
    }


def _sample(ended: ExecutionEnded, at: float) -> dict[str, Any]:
    phase, workflow = ended.phases[0], ended.workflow or "sample"
    succeeded = phase is EndPhase.SUCCEEDED
    return {
        "name": f"{workflow}-sample",
        "uid": SAMPLE_UID,
        "workflow": workflow,
        "phase": phase.value,
        "reason": str(Reason.COMPLETED) if succeeded else phase.value,
        "message": "a sample",
        "outputs": {},
        "requester": "",
        "startedAt": to_rfc3339(at - 60),
        "finishedAt": to_rfc3339(at),
    }


EXECUTION = TriggerType(
    key="execution",
    starts="Starts when another execution has ended.",
    settings=ExecutionEnded,
    event=EndedExecution,
    source=Watch(
        resource="workflowexecutions",
        moment=_ended_at,
        projection=_projection,
        matches=matches,
        event=lambda _settings, raw: event_of(raw),
    ),
    sample=_sample,
)
