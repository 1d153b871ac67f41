"""The columns that `kubectl get` and the command line print for each kind.

Separate from the models, which are slow to import.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column; a priority over 0 is shown with `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0


def _condition(kind: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{kind}")].{field}'


_AGE = Column("Age", ".metadata.creationTimestamp", "date")
_READY = Column("Ready", _condition("Ready", "status"))
_REASON = Column("Reason", _condition("Ready", "reason"))
_MESSAGE = Column("Message", _condition("Ready", "message"), priority=1)
_TEMPLATE = (
    Column("Category", ".spec.category"),
    Column("Title", ".spec.title"),
    _READY,
    _REASON,
    _MESSAGE,
    _AGE,
)

COLUMNS: dict[str, tuple[Column, ...]] = {
    "Workflow": (
        Column("State", ".spec.state"),
        _READY,
        _REASON,
        Column("Last", ".status.metrics.lastExecution.phase"),
        Column("Finished", ".status.metrics.lastExecution.finishedAt", "date"),
        Column("Runs", ".status.metrics.total", "integer"),
        Column("Success", ".status.metrics.successRate", "number", 1),
        Column("P95", ".status.metrics.durationSeconds.p95", "number", 1),
        Column("Title", ".spec.title", priority=1),
        _MESSAGE,
        _AGE,
    ),
    "WorkflowExecution": (
        Column("Workflow", ".spec.workflow"),
        Column("Phase", ".status.phase"),
        Column("Reason", ".status.reason"),
        Column("Progress", ".status.progress"),
        Column("Active", ".status.active"),
        Column("Started", ".status.startedAt", "date"),
        Column("Finished", ".status.finishedAt", "date"),
        Column("Failed", ".status.counts.failed", "integer", 1),
        Column("Requester", ".spec.requester", priority=1),
        Column("Message", ".status.message", priority=1),
        _AGE,
    ),
    "Trigger": (
        Column("Workflow", ".spec.workflow"),
        Column("Suspended", ".spec.suspend", "boolean"),
        _READY,
        _REASON,
        Column("Last", ".status.lastFired", "date"),
        # Not a date: kubectl prints dates as ages, and a future one as <invalid>.
        Column("Next", ".status.nextFire"),
        _MESSAGE,
        _AGE,
    ),
    "Template": _TEMPLATE,
    "ClusterTemplate": _TEMPLATE,
    "Incident": (
        Column("Severity", ".spec.severity"),
        Column("State", ".spec.state"),
        Column("Title", ".spec.title"),
        Column("Assignee", ".spec.assignee"),
        Column("Escalation", ".spec.escalation", priority=1),
        Column("Summary", ".spec.summary", priority=1),
        _AGE,
    ),
}
"""The columns by kind."""
