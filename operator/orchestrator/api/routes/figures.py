"""Figures over executions: a dashboard of now, and an overview of a period."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from orchestrator.api import listing
from orchestrator.api.answers import json_answer
from orchestrator.api.dependencies import CallerOf
from orchestrator.api.identifiers import Namespaces
from orchestrator.api.openapi import returns
from orchestrator.kube.resources import EXECUTIONS, TRIGGERS, WORKFLOWS
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
    """Read figures for a dashboard: what is active now, the last 24 hours, and how many Workflows
    and Triggers there are. Only executions that are still on the cluster count."""
    now = time.time()
    executions, refused = listing.read(caller, EXECUTIONS, namespace, {})
    workflows, _ = listing.read(caller, WORKFLOWS, namespace, {})
    triggers, _ = listing.read(caller, TRIGGERS, namespace, {})
    young = ExecutionFilter(oldest=now - DAY)
    active = [one for one in executions if not has_ended(one)]
    answer = {
        "now": figures(active, now),
        "lastDay": figures([one for one in executions if young.selects(one)], now),
        "workflows": len(workflows),
        "triggers": len(triggers),
    }
    return json_answer(answer | ({"notListed": refused} if refused else {}))


@router.get("/analytics/overview", responses=returns("Overview", "The figures."))
def read_overview(
    caller: CallerOf,
    namespace: Namespaces = [],  # noqa: B006 - FastAPI copies it
    workflow: Annotated[
        str, Query(max_length=63, pattern=r"^[-a-z0-9]*$", description="Only of this Workflow.")
    ] = "",
    period: Annotated[
        str, Query(max_length=32, description="Executions created within this time.")
    ] = "7d",
    phase: Annotated[
        list[ExecutionPhase],
        Query(max_length=8, description="Only executions in this phase; repeatable."),
    ] = [],  # noqa: B006
) -> Response:
    """Read figures over a period: runs by outcome and Workflow, success rate, durations, the
    slowest nodes, and how long approvals wait. Only executions that are still on the cluster
    count."""
    now = time.time()
    oldest = now - read_duration("period", period)
    chosen = ExecutionFilter(workflow, frozenset(one.value for one in phase), oldest)
    query = {"fieldSelector": ",".join(chosen.selectors())}
    items, refused = listing.read(caller, EXECUTIONS, namespace, query)
    executions = [one for one in items if chosen.selects(one)]
    answer = {
        "period": period,
        "total": figures(executions, now),
        "workflows": by_workflow(executions, now),
        "slowestNodes": slowest_nodes(executions),
    }
    return json_answer(answer | ({"notListed": refused} if refused else {}))
