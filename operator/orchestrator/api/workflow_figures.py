"""The metrics of a Workflow over all of its executions that are there or recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from orchestrator.api.clients import Caller
from orchestrator.api.execution_figures import Period, count_executions
from orchestrator.engine.lifecycle.retention import ended_at
from orchestrator.engine.status.metrics import MAX_RECENT, Ended, count
from orchestrator.engine.times import optional_from_rfc3339
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import WorkflowMetrics
from orchestrator.session.cluster import Raw
from orchestrator.session.errors import ForbiddenError
from orchestrator.session.execution_filter import ExecutionFilter

if TYPE_CHECKING:  # without a history, SQLAlchemy need not be installed
    from orchestrator.history.sums_with_live import Latest, Sums


def metrics_with_history(
    caller: Caller, namespace: str, workflow: str
) -> tuple[WorkflowMetrics | None, str]:
    """The metrics of a Workflow; None without a history, or with the reason why it is left out."""
    if caller.clients.history is None:
        return None, ""
    try:
        period = Period(ExecutionFilter(workflow))
        counted = count_executions(caller, [namespace], period, MAX_RECENT)
    except ForbiddenError as error:
        return None, str(error)
    if counted.sums is None:
        return None, counted.unavailable
    return metrics_of(counted.sums, counted.executions), ""


def metrics_of(sums: Sums, executions: Iterable[Raw]) -> WorkflowMetrics:
    """The metrics of the executions that ended: recorded ones, and others from the cluster."""
    phases: Counter[str] = Counter()
    for group in sums.groups:
        phases[group.phase] += group.runs
    forbidden = sum(group.forbidden for group in sums.groups)
    # The latest ones are counted with the others, in the order of their ends.
    phases.subtract(one.phase for one in sums.latest)
    forbidden -= sum(one.reason == Reason.CONCURRENCY_FORBIDDEN for one in sums.latest)
    before = WorkflowMetrics(total=phases.total(), executions=dict(+phases), forbidden=forbidden)
    live = [one for one in map(_of_object, executions) if one is not None]
    return count(before, [*map(_of_row, sums.latest), *live])


def _of_row(row: Latest) -> Ended:
    started = None if row.started_at is None else row.started_at / 1000
    phase = ExecutionPhase(row.phase)
    return Ended(row.uid, row.name, phase, row.reason, started, row.finished_at / 1000)


def _of_object(raw: Raw) -> Ended | None:
    metadata, status = raw["metadata"], raw.get("status") or {}
    ended = ended_at(status)
    if ended is None:
        return None
    phase, reason = ExecutionPhase(status["phase"]), str(status.get("reason") or "")
    started = optional_from_rfc3339(status.get("startedAt"))
    return Ended(metadata["uid"], metadata["name"], phase, reason, started, ended)
