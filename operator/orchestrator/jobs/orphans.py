"""Orphaned Jobs: those that work for an attempt which the execution's records are past."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.status.records import Record
from orchestrator.jobs.observe import node_of
from orchestrator.models.execution import NodePhase
from orchestrator.models.labels import ATTEMPT

Raw = Mapping[str, Any]


def attempt_of(job: Raw) -> int:
    """The attempt that a Job was made for, by its own annotation; 0 when that is not a number."""
    text = (job["metadata"].get("annotations") or {}).get(ATTEMPT)
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0


def is_past(record: Record, attempt: int, *, stored: bool) -> bool:
    """Whether a Job of the attempt that is not over works for nothing; `stored` says that the
    status has the record.

    The Job of an attempt that succeeded takes a second or two to report it too. One of an attempt
    that is still to come was created by another operator, whose record is on its way, unless it is
    stored that the node has ended.
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
    """Whether the Job is that of an attempt that succeeded: it will report that itself."""
    record = (status.get("nodes") or {}).get(node_of(job)) or {}
    attempts = record.get("attempts", 0)  # a node without attempts counts none
    return record.get("phase") == NodePhase.SUCCEEDED and attempts == attempt_of(job)


def stopped_unrecorded(job: str) -> str:
    """That a Job was stopped before the execution's end."""
    return f"stopped Job {job}: no node has it"


def stopped_past(job: str, node: str) -> str:
    """That a Job was stopped though its node goes on, or has ended otherwise."""
    return f"stopped Job {job}: {node} continues without it"


def not_stopped(job: str, node: str, why: str) -> str:
    """That the API server refuses to have a Job stopped."""
    return f"Job {job} cannot be stopped, {node} continues without it: {why}"


def stopped_after_end(job: str) -> str:
    """That a Job was stopped after the execution's end."""
    return f"stopped Job {job}: the execution has ended"
