"""How an execution begins: its status at the start, and its first pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.engine.advance import advance
from orchestrator.engine.decisions import Pass
from orchestrator.engine.graph import Graph
from orchestrator.engine.status.record_codec import record_to_status
from orchestrator.engine.status.records import Record, Run
from orchestrator.engine.times import to_rfc3339
from orchestrator.models.execution import ExecutionPhase

Raw = Mapping[str, Any]


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
    """The first pass; everything in it waits for the write that admits the execution."""
    decided = advance(graph, run, {}, run.started_at, scan=True, policies=None)
    return replace(decided, before=(), after=(*decided.before, *decided.after))
