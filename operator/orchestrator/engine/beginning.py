"""How an execution begins: the refusals before anything is read for it, and its first pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.engine.admission import Missing, Refusal
from orchestrator.engine.advance import advance
from orchestrator.engine.decisions import Pass
from orchestrator.engine.graph import Graph
from orchestrator.engine.records import Record, Run, record_to_status
from orchestrator.engine.times import to_rfc3339
from orchestrator.models.execution import DesiredState, ExecutionPhase
from orchestrator.models.reasons import Reason

Raw = Mapping[str, Any]


def cancelled_early(raw: Raw) -> Refusal | None:
    """The end of an execution that was cancelled before it began, or replaced between its slot and
    its admission."""
    if raw["spec"].get("desiredState") in (DesiredState.CANCELLED, DesiredState.TERMINATED):
        message = "the execution was cancelled before it started"
        return Refusal(Reason.CANCEL_REQUESTED, message, ExecutionPhase.CANCELLED)
    if requested := (raw.get("status") or {}).get("cancelRequested"):
        reason, message = requested.get("reason") or Reason.REPLACED, requested.get("message", "")
        return Refusal(reason, message, ExecutionPhase.CANCELLED)
    return None


def still_missing(missing: Missing) -> Refusal:
    """The end of an execution whose Workflow or Template has not come."""
    return Refusal(missing.reason, f"{missing.message}; waited one minute")


def status_at_start(raw: Raw, admitted: Raw, reused: Mapping[str, Record], now: float) -> Raw:
    """The execution as its status will be if it begins now with these fields and records."""
    status = {
        **(raw.get("status") or {}),
        "phase": ExecutionPhase.RUNNING.value,
        "nodes": {name: record_to_status(record) for name, record in reused.items()},
        "startedAt": to_rfc3339(now),
        **admitted,
    }
    return {**raw, "status": status}


def first_pass(graph: Graph, run: Run) -> Pass:
    """What the beginning starts; all of it waits for the write that admits the execution."""
    decided = advance(graph, run, {}, run.started_at, scan=True, policies=None)
    return replace(decided, before=(), after=(*decided.before, *decided.after))
