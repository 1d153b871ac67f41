"""Writes Workflow.status.metrics: counts each ended execution once, in at most one write per second
and workflow.

Nothing is written until the executions that ended before the start are listed: a count by this
process could otherwise move the mark past executions that an earlier process left uncounted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any

from orchestrator.engine.lifecycle.retention import ended_at
from orchestrator.engine.status.metrics import Ended, count
from orchestrator.engine.times import optional_from_rfc3339
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import EXECUTIONS, WORKFLOWS
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.workflow import WorkflowMetrics
from orchestrator.process.bounded_set import BoundedSet
from orchestrator.process.queue import WorkQueue

logger = logging.getLogger(__name__)

BATCH_PERIOD = 1.0
"""Seconds for which the ended executions of a workflow are collected before they are written."""
RECOUNT_DELAY = 5.0
"""Seconds after which an execution that ended without being counted is counted; also the delay
before a failed list is retried."""
MAX_REMEMBERED = 10_000
PAGE_SIZE = 100
"""Executions per page: they are listed in full."""
TERMINAL = [phase for phase in ExecutionPhase if phase.terminal]

_Key = tuple[str, str, str]
"""Namespace and name of a workflow, or namespace, name and uid of an execution."""


class WorkflowMetricsWriter:
    """Collects ended executions and counts them in guarded writes."""

    def __init__(
        self,
        client: ApiClient,
        *,
        namespaces: Collection[str] = (),
        on_ended: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        """`on_ended` is called with every ended execution that is read."""
        self._client = client
        self._on_ended = on_ended
        self._scopes: list[str | None] = list(namespaces) or [None]
        self._waiting: dict[tuple[str, str], dict[str, Ended]] = {}
        self._counted: BoundedSet[str] = BoundedSet(MAX_REMEMBERED)
        self.queue: WorkQueue[_Key] = WorkQueue("metrics")
        self.recovered = asyncio.Event()
        """Set once the executions that ended before the start are listed."""

    def ended(
        self,
        *,
        namespace: str,
        workflow: str,
        uid: str,
        name: str,
        phase: ExecutionPhase,
        reason: str,
        started_at: float | None,
        finished_at: float,
    ) -> None:
        """Count an execution whose end is stored; one that is reported twice is counted once."""
        execution = Ended(uid, name, phase, reason, started_at, finished_at)
        self._waiting.setdefault((namespace, workflow), {})[uid] = execution
        self._counted.add(uid)
        self.queue.add_after((namespace, workflow, ""), BATCH_PERIOD)

    def recount(self, namespace: str, name: str, uid: str) -> None:
        """Read an execution that left the cache after RECOUNT_DELAY, unless its end is reported
        until then."""
        if uid not in self._counted:
            self.queue.add_after((namespace, name, uid), RECOUNT_DELAY)

    async def run(self) -> None:
        """List the executions that ended before the start, then count until cancelled."""
        while True:
            try:
                await self._recover()
                self.recovered.set()
                break
            except ApiError as error:
                logger.warning("cannot list the ended executions: %s", error)
                await asyncio.sleep(RECOUNT_DELAY)
        await self.queue.run(self._pass, workers=4)

    async def flush(self) -> None:
        """Write the collected executions now."""
        for key in list(self._waiting):
            try:
                await self._write(*key)
            except ApiError as error:
                logger.info("metrics of %s are written at the next start: %s", "/".join(key), error)

    async def _recover(self) -> None:
        for scope in self._scopes:
            for phase in TERMINAL:
                selector = f"status.phase={phase.value}"
                async for page in self._client.pages(
                    EXECUTIONS, scope, field_selector=selector, limit=PAGE_SIZE
                ):
                    for raw in page["items"]:
                        self._count(raw)

    async def _pass(self, key: _Key) -> float | None:
        namespace, name, uid = key
        if uid:
            await self._recount(namespace, name, uid)
        else:
            await self._write(namespace, name)
        return None

    async def _recount(self, namespace: str, name: str, uid: str) -> None:
        if uid in self._counted:
            return
        try:
            raw = await self._client.get(EXECUTIONS, namespace, name)
        except ApiError as error:
            if error.status == 404:
                return
            raise
        if raw["metadata"]["uid"] == uid:
            self._count(raw)

    def _count(self, raw: dict[str, Any]) -> None:
        status = raw.get("status") or {}
        finished_at = ended_at(status)
        if finished_at is None:
            return
        self._on_ended(raw)
        self.ended(
            namespace=raw["metadata"]["namespace"],
            workflow=raw["spec"]["workflow"],
            uid=raw["metadata"]["uid"],
            name=raw["metadata"]["name"],
            phase=ExecutionPhase(status["phase"]),
            reason=status.get("reason") or "",
            started_at=_timestamp(status.get("startedAt")),
            finished_at=finished_at,
        )

    async def _write(self, namespace: str, workflow: str) -> None:
        waiting = dict(self._waiting.get((namespace, workflow), {}))
        if not waiting:
            return
        try:
            raw = await self._client.get(WORKFLOWS, namespace, workflow)
            await self._store(raw, waiting)
        except ApiError as error:
            if error.status != 404:  # an execution whose workflow is gone is not counted
                raise
        self._forget(namespace, workflow, waiting)

    async def _store(self, raw: dict[str, Any], waiting: dict[str, Ended]) -> None:
        old = _metrics((raw.get("status") or {}).get("metrics"))
        new = count(old, waiting.values())
        if new is old:
            return
        metadata = raw["metadata"]
        metrics = new.model_dump(mode="json", by_alias=True, exclude_none=True)
        body = {
            "metadata": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]},
            "status": {"metrics": metrics},
        }
        await self._client.patch(
            WORKFLOWS,
            metadata["namespace"],
            metadata["name"],
            body,
            subresource="status",
            metadata_only=True,
        )

    def _forget(self, namespace: str, workflow: str, written: dict[str, Ended]) -> None:
        waiting = self._waiting.get((namespace, workflow), {})
        for uid in written:
            waiting.pop(uid, None)
        if not waiting:
            self._waiting.pop((namespace, workflow), None)


def _timestamp(text: str | None) -> float | None:
    try:
        return optional_from_rfc3339(text)
    except ValueError:  # written by hand
        return None


def _metrics(raw: Any) -> WorkflowMetrics:
    try:
        return WorkflowMetrics.model_validate(raw or {})
    except ValueError:  # written by another release, or by hand: start over
        return WorkflowMetrics()
