"""Runs a single pass of the engine over given node records."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from orchestrator.engine.advance import advance
from orchestrator.engine.decisions import Pass
from orchestrator.engine.graph import Graph
from orchestrator.engine.observed import Observed
from orchestrator.engine.people.protection import UNCHECKED, Policies
from orchestrator.engine.status.records import Record, Run
from orchestrator.models.execution import ExecutionPhase, NodePhase

NOW = 1_800_000_000.0
SUCCEEDED = Record(NodePhase.SUCCEEDED, attempts=1, started_at=NOW, finished_at=NOW)
FAILED = Record(NodePhase.FAILED, "Failed", attempts=1, started_at=NOW, finished_at=NOW)


def run_of(records: Mapping[str, Record] | None = None, **fields: Any) -> Run:
    """A run that started at NOW, with these node records."""
    given = {"started_at": NOW, "variables": {}, "phase": ExecutionPhase.RUNNING, **fields}
    run = Run("run", "default", "uid", "flow", **given)
    return run.recorded(records or {}, run.phase, run.cancelling, run.settled)


def decide(
    compiled: Graph,
    records: Mapping[str, Record] | None = None,
    observed: Observed | None = None,
    *,
    now: float = NOW,
    scan: bool = True,
    dirty: Collection[str] | None = None,
    policies: Policies | None = UNCHECKED,
    **fields: Any,
) -> Pass:
    """The decisions of one pass."""
    run = run_of(records, **fields)
    return advance(compiled, run, observed or {}, now, scan=scan, dirty=dirty, policies=policies)
