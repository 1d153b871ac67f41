"""Figures over executions.

Generated from docs/openapi.json by `make generate`; do not edit.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.client.resource import Resource
from orchestrator.client.schemas.messages import ExecutionPhase, Figures, Overview


class FiguresApi(Resource):
    """Figures over executions."""

    async def dashboard(self, *, namespace: str | Sequence[str] | None = None) -> Figures:
        """Read figures for a dashboard: what is active now, what ended in the last 24 hours or
        is active, and how many Workflows and Triggers there are. Without a history, only
        executions that are still on the cluster count.

        - `namespace`: Only these namespaces; repeatable. All namespaces by default, which takes
          the right to list in the whole cluster.
        """
        request = self._request("GET", "/metrics/dashboard", {"namespace": namespace})
        value: Figures = await self._read(request)
        return value

    async def overview(
        self,
        *,
        namespace: str | Sequence[str] | None = None,
        workflow: str | None = None,
        period: str | None = None,
        phase: ExecutionPhase | Sequence[ExecutionPhase] | None = None,
    ) -> Overview:
        """Read figures over a period: runs by outcome and Workflow, success rate, durations, the
        slowest nodes, and how long approvals wait. Without a history, only executions that
        are still on the cluster count; with one, percentiles are those of all durations
        together.

        - `namespace`: Only these namespaces; repeatable. All namespaces by default, which takes
          the right to list in the whole cluster.
        - `workflow`: Only of this Workflow.
        - `period`: Executions that ended within this time, and active ones.
        - `phase`: Only executions in this phase; repeatable.
        """
        request = self._request(
            "GET",
            "/analytics/overview",
            {"namespace": namespace, "workflow": workflow, "period": period, "phase": phase},
        )
        value: Overview = await self._read(request)
        return value
