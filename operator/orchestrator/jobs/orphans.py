"""Orphaned Jobs: those of attempts that the execution's records have passed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.status.records import Record
from orchestrator.jobs.observe import node_of
from orchestrator.models.execution import NodePhase
from orchestrator.models.labels import ATTEMPT

Raw = Mapping[str, Any]


def attempt_of(job: Raw) -> int:
    """The attempt that a Job was created for, from its annotation; 0 if that is not a number."""
    text = (job["metadata"].get("annotations") or {}).get(ATTEMPT)
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0


def is_past(record: Record, attempt: int, *, stored: bool) -> bool:
    """Whether an unfinished Job of the attempt is useless; `stored` means that the status has the
    record.

    The Job of a successful attempt takes a second or two to report success. A Job of a later
    attempt was created by another operator, whose record is in flight, unless the stored record
    says that the node has ended.
    """
    if attempt < record.attempts:
        return True
    if attempt > record.attempts:
        return record.phase.terminal and stored
    return record.phase.terminal and record.phase is not NodePhase.SUCCEEDED


def is_unrecorded(record: Record | None, job: Raw) -> bool:
    """Whether no record has the attempt of the Job."""
    return record is None or attempt_of(job) > record.attempts


def succeeded(status: Raw, job: Raw) -> bool:
    """Whether the Job belongs to a successful attempt: it will report that itself."""
    record = (status.get("nodes") or {}).get(node_of(job)) or {}
    attempts = record.get("attempts", 0)  # a node without attempts counts none
    return record.get("phase") == NodePhase.SUCCEEDED and attempts == attempt_of(job)


def stopped_unrecorded(job: str) -> str:
    """Message: a Job was stopped before the execution's end."""
    return f"stopped Job {job}: it belongs to no node"


def stopped_past(job: str, node: str) -> str:
    """Message: a Job was stopped though its node continues, or has ended otherwise."""
    return f"stopped Job {job}: {node} continues without it"


def stopped_child(name: str, node: str) -> str:
    """Message: a sub-execution was stopped though its node continues, or has ended otherwise."""
    return f"stopped sub-execution {name}: {node} continues without it"


def not_stopped(job: str, node: str, why: str) -> str:
    """Message: the API server refuses to stop a Job."""
    return f"Job {job} cannot be stopped, {node} continues without it: {why}"


def stopped_after_end(job: str) -> str:
    """Message: a Job was stopped after the execution's end."""
    return f"stopped Job {job}: the execution has ended"


def child_stopped_after_end(name: str) -> str:
    """Message: a sub-execution was stopped after the end of its parent."""
    return f"stopped sub-execution {name}: the execution has ended"
