"""The status of an execution: read into a run, and written as a minimal merge patch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.decisions import Ending
from orchestrator.engine.graph import Graph
from orchestrator.engine.people.trust import Trust, trust_from_status, trust_to_status
from orchestrator.engine.status.read import StatusError, read_records, read_time
from orchestrator.engine.status.record_codec import record_to_patch
from orchestrator.engine.status.records import (
    Cancelling,
    Record,
    Run,
    Settled,
    clip,
)
from orchestrator.engine.times import optional_from_rfc3339, to_rfc3339
from orchestrator.expressions import SecretValue
from orchestrator.models.base import ValueType
from orchestrator.models.execution import DesiredState, ExecutionPhase, NodePhase
from orchestrator.models.reasons import Reason

_ACTIVE_SHOWN = 5


def run_from(raw: Mapping[str, Any], graph: Graph) -> Run:
    """The run of an admitted execution, from its manifest and status.

    StatusError if the status is inconsistent.
    """
    metadata, spec, status = raw["metadata"], raw["spec"], raw["status"]
    records = read_records(status.get("nodes") or {}, graph)
    run = Run(
        name=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        workflow=spec["workflow"],
        started_at=read_time(status.get("startedAt"), "status.startedAt"),
        variables={**(status.get("variables") or {}), **secrets(graph)},
        phase=_phase(status.get("phase"), "status.phase"),
        desired_state=DesiredState(spec.get("desiredState", "Running")),
        requester=spec.get("requester"),
        trigger=spec.get("trigger"),
        parent=spec.get("parent"),
        decisions=tuple(spec.get("decisions") or ()),
        signals=tuple(spec.get("signals") or ()),
        created_at=optional_from_rfc3339(metadata.get("creationTimestamp")) or 0.0,
        trust=_trust(status.get("trust")),
        cancelling=_cancelling(status.get("cancelRequested")),
        settled=_settled(status.get("settled")),
    )
    return run.recorded(records, run.phase, run.cancelling, run.settled)


def secrets(graph: Graph) -> dict[str, SecretValue]:
    """The workflow's secret variables: references, never values."""
    return {
        variable.name: SecretValue(variable.secret_key_ref.name, variable.secret_key_ref.key)
        for variable in graph.spec.variables
        if variable.type is ValueType.SECRET and variable.secret_key_ref is not None
    }


def progress_patch(
    graph: Graph, run: Run, changes: Mapping[str, Record], generation: int
) -> dict[str, Any]:
    """The changes in the status of a run that continues; `run` already contains the changes."""
    patch: dict[str, Any] = {
        "observedGeneration": generation,
        "phase": run.phase.value,
        "progress": progress_text(graph, run),
        "active": active_words(run) or None,
        "counts": counts(graph, run),
    }
    if changes:
        patch["nodes"] = {name: record_to_patch(record) for name, record in changes.items()}
    if trust := trust_to_status(run.trust):
        patch["trust"] = trust
    if run.cancelling is not None:
        patch["cancelRequested"] = {
            "at": to_rfc3339(run.cancelling.at),
            "reason": run.cancelling.reason,
            "message": clip(run.cancelling.message),
        }
    if run.settled is not None:
        patch["settled"] = _settled_to_status(run.settled)
    return patch


def ending_patch(ending: Ending, now: float) -> dict[str, Any]:
    """The fields that an end adds to the last patch."""
    patch: dict[str, Any] = {
        "phase": ending.phase.value,
        "reason": ending.reason,
        "message": clip(ending.message, 4000),
        "finishedAt": to_rfc3339(now),
        "active": None,
    }
    if ending.outputs:
        patch["outputs"] = dict(ending.outputs)
    return patch


def progress_text(graph: Graph, run: Run) -> str:
    """The number of ended nodes out of all nodes, such as `3/12`."""
    ended = sum(count for phase, count in run.tally.items() if phase.terminal)
    return f"{ended}/{len(graph.nodes)}"


def active_words(run: Run) -> str:
    """The active nodes, and what holds them up, for a column of a table."""
    words = []
    for name in run.active[:_ACTIVE_SHOWN]:
        record = run.records[name]
        ordinary = record.reason in ("", Reason.JOB_CREATED, Reason.STARTING)
        words.append(name if ordinary else f"{name} ({record.reason})")
    if len(run.active) > _ACTIVE_SHOWN:
        words.append(f"+{len(run.active) - _ACTIVE_SHOWN}")
    return clip(", ".join(words), 250)


def counts(graph: Graph, run: Run) -> dict[str, int]:
    """Nodes by phase."""

    def of(*phases: NodePhase) -> int:
        return sum(run.tally.get(phase, 0) for phase in phases)

    return {
        "total": len(graph.nodes),
        "running": of(NodePhase.PENDING, NodePhase.RUNNING, NodePhase.WAITING),
        "succeeded": of(NodePhase.SUCCEEDED),
        "failed": of(NodePhase.FAILED, NodePhase.TIMED_OUT),
        "skipped": of(NodePhase.SKIPPED),
        "cancelled": of(NodePhase.CANCELLED),
    }


def _trust(raw: Mapping[str, Any] | None) -> Trust:
    try:
        return trust_from_status(raw)
    except (AttributeError, TypeError) as error:
        raise StatusError(f"status.trust: {raw!r} was not written by this operator") from error


def _cancelling(raw: Mapping[str, Any] | None) -> Cancelling | None:
    if raw is None:
        return None
    at = read_time(raw.get("at"), "status.cancelRequested.at")
    return Cancelling(at, raw.get("reason") or Reason.CANCEL_REQUESTED, raw.get("message", ""))


def _settled(raw: Mapping[str, Any] | None) -> Settled | None:
    if raw is None:
        return None
    phase, expired = _phase(raw.get("phase"), "status.settled.phase"), raw.get("expiredAt")
    if not phase.terminal:
        raise StatusError(f"status.settled.phase: {phase.value} is not a final phase")
    return Settled(
        read_time(raw.get("at"), "status.settled.at"),
        phase,
        raw.get("reason") or "",
        raw.get("message", ""),
        None if expired is None else read_time(expired, "status.settled.expiredAt"),
    )


def _phase(text: Any, path: str) -> ExecutionPhase:
    try:
        return ExecutionPhase(text)
    except ValueError as error:
        raise StatusError(f"{path}: {text!r} is not a phase") from error


def _settled_to_status(settled: Settled) -> dict[str, Any]:
    raw: dict[str, Any] = {
        "at": to_rfc3339(settled.at),
        "phase": settled.phase.value,
        "reason": settled.reason,
        "message": clip(settled.message, 4000),
    }
    if settled.expired_at is not None:
        raw["expiredAt"] = to_rfc3339(settled.expired_at)
    return raw
