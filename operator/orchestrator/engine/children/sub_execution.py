"""Forwards the parent's requests to sub-executions and maps their result to the node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.engine.decisions import ControlChild
from orchestrator.engine.graph import GraphNode, NodeKind
from orchestrator.engine.lifecycle.retention import ended_at
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.status.records import Record, Run
from orchestrator.engine.times import optional_from_rfc3339
from orchestrator.engine.work import Work
from orchestrator.models.execution import DesiredState, ExecutionPhase
from orchestrator.models.reasons import Reason

MAX_DEPTH = 8
"""Maximum depth of nested sub-executions."""


def control_child(work: Work, node: GraphNode, record: Record, *, force: bool) -> None:
    """Cancel a sub-execution; the node ends when the sub-execution has ended."""
    state = DesiredState.TERMINATED if force else DesiredState.CANCELLED
    work.after.append(ControlChild(node.name, record.attempts, state))


def late(node: GraphNode, record: Record, attempt: Attempt) -> Attempt:
    """A sub-execution that was cancelled because it exceeded its timeout has timed out."""
    cancelled = node.kind is NodeKind.WORKFLOW and attempt.reason == Reason.SUB_WORKFLOW_CANCELLED
    due = record.attempt_start + node.timeout
    if not cancelled or attempt.finished_at is None or attempt.finished_at < due:
        return attempt
    message = f"the sub-execution ran longer than {node.spec.timeout or 'its timeout'}"
    return replace(
        attempt,
        state=AttemptState.TIMED_OUT,
        reason=Reason.TIMED_OUT,
        message=message,
        permanent=False,
    )


def pause_is_over(parent: Mapping[str, Any] | None) -> bool:
    """Whether the parent is no longer paused: a pass that forwards its pause may be outdated."""
    if parent is None:
        return False
    ending = (parent.get("status") or {}).get("cancelRequested")
    return bool(ending) or parent["spec"].get("desiredState") != DesiredState.PAUSED


def child_depth(run: Run) -> int:
    """Depth of a sub-execution of the run, below the root."""
    return int((run.parent or {}).get("depth", 0)) + 1


def child_attempt(raw: Mapping[str, Any]) -> Attempt:
    """A sub-execution as the attempt of its parent's node."""
    name, status = raw["metadata"]["name"], raw.get("status") or {}
    phase = ExecutionPhase(status.get("phase") or ExecutionPhase.PENDING)
    if not phase.terminal:
        begun = phase in (ExecutionPhase.RUNNING, ExecutionPhase.PAUSED)
        return Attempt(
            AttemptState.RUNNING if begun else AttemptState.PENDING,
            Reason.SUB_WORKFLOW_CREATED,
            "" if phase is ExecutionPhase.RUNNING else _words(phase, status),
            made_at=optional_from_rfc3339(raw["metadata"].get("creationTimestamp")),
            execution=name,
        )
    state, reason = _ENDS[phase]
    succeeded = phase is ExecutionPhase.SUCCEEDED
    return Attempt(
        state,
        reason,
        "" if succeeded else f"{name}: {_words(phase, status)}",
        finished_at=ended_at(status),
        outputs=status.get("outputs") or {} if succeeded else {},
        permanent=reason == Reason.SUB_WORKFLOW_CANCELLED
        and status.get("reason") not in _FORBIDDEN,
        execution=name,
    )


_ENDS = {
    ExecutionPhase.SUCCEEDED: (AttemptState.SUCCEEDED, ""),
    ExecutionPhase.FAILED: (AttemptState.FAILED, Reason.SUB_WORKFLOW_FAILED),
    ExecutionPhase.TIMED_OUT: (AttemptState.TIMED_OUT, Reason.TIMED_OUT),
    ExecutionPhase.CANCELLED: (AttemptState.FAILED, Reason.SUB_WORKFLOW_CANCELLED),
}
_FORBIDDEN = (Reason.CONCURRENCY_FORBIDDEN,)
"""Reasons of cancelled sub-executions for which a retry can help; others were intended."""


def _words(phase: ExecutionPhase, status: Mapping[str, Any]) -> str:
    why = ": ".join(status[key] for key in ("reason", "message") if status.get(key))
    return f"{phase.value} ({why})" if why else phase.value
