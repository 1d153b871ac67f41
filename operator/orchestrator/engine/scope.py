"""The scopes of expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.engine.status.records import Record, Run
from orchestrator.engine.times import to_rfc3339
from orchestrator.models.execution import NodePhase


def node_view(record: Record | None) -> dict[str, Any]:
    """A node as expressions see it; the outputs of one that has not Succeeded are `{}`."""
    return _UNSTARTED if record is None else _view(record)


def _view(record: Record) -> dict[str, Any]:
    return {
        "phase": record.phase.value,
        "reason": str(record.reason),  # of the exact type that expressions compare
        "message": record.message,
        "outputs": dict(record.outputs) if record.phase is NodePhase.SUCCEEDED else {},
        "attempts": record.attempts,
        "exitCode": record.exit_code,
        "startedAt": _moment(record.started_at),
        "finishedAt": _moment(record.finished_at),
    }


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Visible only to the nodes of `finally`: the outcome, and the unhandled failures."""

    phase: str
    failures: list[dict[str, Any]]


def workflow_scope(
    run: Run,
    records: Mapping[str, Record],
    names: Iterable[str],
    surroundings: Surroundings | None = None,
) -> dict[str, Any]:
    """The scope of a workflow's expressions, with the views of the nodes in `names`."""
    execution = execution_view(run)
    if surroundings is not None:
        execution |= {"phase": surroundings.phase, "failures": surroundings.failures}
    return {
        "vars": run.variables,
        "nodes": {name: node_view(records.get(name)) for name in names},
        "execution": execution,
        "workflow": {"name": run.workflow, "namespace": run.namespace},
        "event": (run.trigger or {}).get("event") or {},
    }


def execution_view(run: Run) -> dict[str, Any]:
    """The execution as expressions see it."""
    trigger = run.trigger or {}
    return {
        "name": run.name,
        "namespace": run.namespace,
        "uid": run.uid,
        "trigger": {"type": trigger.get("type", ""), "name": trigger.get("name", "")},
        "requester": run.initiator or "",
        "startedAt": to_rfc3339(run.started_at),
    }


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else to_rfc3339(seconds)


_UNSTARTED = _view(Record(NodePhase.PENDING))
