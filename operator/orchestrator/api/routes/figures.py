"""Figures over executions: a dashboard of now, and an overview of a period."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from orchestrator.api import listing
from orchestrator.api.dependencies import CallerOf
from orchestrator.api.execution_figures import Period, count_executions
from orchestrator.api.history_responses import left_out
from orchestrator.api.identifiers import Namespaces
from orchestrator.api.openapi import returns
from orchestrator.api.responses import json_response
from orchestrator.kube.resources import TRIGGERS, WORKFLOWS
from orchestrator.models.execution import ExecutionPhase
from orchestrator.operations.executions import has_ended
from orchestrator.operations.overview import by_workflow, figures, slowest_nodes
from orchestrator.session.durations import read_duration
from orchestrator.session.execution_filter import ExecutionFilter

router = APIRouter(tags=["figures"])
DAY = 86_400.0


@router.get("/metrics/dashboard", responses=returns("Figures", "The figures."))
def read_dashboard(
    caller: CallerOf,
    namespace: Namespaces = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Read figures for a dashboard: what is active now, what ended in the last 24 hours or is
    active, and how many Workflows and Triggers there are. Without a history, only executions that
    are still on the cluster count."""
    now = time.time()
    counted = count_executions(caller, namespace, Period(since=now - DAY))
    workflows, _ = listing.read(caller, WORKFLOWS, namespace, {})
    triggers, _ = listing.read(caller, TRIGGERS, namespace, {})
    active = [one for one in counted.executions if not has_ended(one)]
    past = None if counted.past is None else counted.past.total
    answer = {
        "now": figures(active, now),
        "lastDay": figures(counted.executions, now, past),
        "workflows": len(workflows),
        "triggers": len(triggers),
        **left_out(counted.unavailable),
    }
    return json_response(answer | ({"notListed": counted.refused} if counted.refused else {}))


@router.get("/analytics/overview", responses=returns("Overview", "The figures."))
def read_overview(
    caller: CallerOf,
    namespace: Namespaces = [],  # noqa: B006 - FastAPI copies it
    workflow: Annotated[
        str, Query(max_length=63, pattern=r"^[-a-z0-9]*$", description="Only of this Workflow.")
    ] = "",
    period: Annotated[
        str,
        Query(
            max_length=32, description="Executions that ended within this time, and active ones."
        ),
    ] = "7d",
    phase: Annotated[
        list[ExecutionPhase],
        Query(max_length=8, description="Only executions in this phase; repeatable."),
    ] = [],  # noqa: B006
) -> Response:
    """Read figures over a period: runs by outcome and Workflow, success rate, durations, the
    slowest nodes, and how long approvals wait. Without a history, only executions that are still on
    the cluster count; with one, percentiles are those of all durations together."""
    now = time.time()
    chosen = ExecutionFilter(workflow, frozenset(one.value for one in phase))
    counted = count_executions(
        caller, namespace, Period(chosen, now - read_duration("period", period))
    )
    executions, past = counted.executions, counted.past
    answer = {
        "period": period,
        "total": figures(executions, now, None if past is None else past.total),
        "workflows": by_workflow(executions, now, past),
        "slowestNodes": slowest_nodes(executions, past),
        **left_out(counted.unavailable),
    }
    return json_response(answer | ({"notListed": counted.refused} if counted.refused else {}))
