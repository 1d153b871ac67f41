"""Writes Workflow.status.metrics: each ended execution once, a write a second and workflow at most.

Nothing is written before the executions that ended earlier were listed, or what this process counts
could push the mark past executions that an earlier one had left uncounted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any

from orchestrator.controller.bounded_set import BoundedSet
from orchestrator.controller.queue import WorkQueue
from orchestrator.engine.lifecycle.retention import ended_at
from orchestrator.engine.status.metrics import Ended, count
from orchestrator.engine.times import optional_from_rfc3339
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import EXECUTIONS, WORKFLOWS
from orchestrator.models.execution import ExecutionPhase
from orchestrator.models.workflow import WorkflowMetrics

logger = logging.getLogger(__name__)

PERIOD = 1.0
"""Seconds that ended executions wait for others of their workflow."""
LATE = 5.0
"""Seconds after which an execution that ended without being counted is counted."""
REMEMBERED = 10_000
PAGE = 100
"""Executions a page: they come in full."""
TERMINAL = [phase for phase in ExecutionPhase if phase.terminal]

_Key = tuple[str, str, str]
"""Namespace and name of a workflow, or namespace, name and uid of an execution."""


class MetricsWriter:
    """Collects ended executions and counts them in guarded writes."""

    def __init__(
        self,
        client: ApiClient,
        *,
        namespaces: Collection[str] = (),
        seen: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        """`seen` is called with every ended execution that is read."""
        self._client = client
        self._seen = seen
        self._scopes: list[str | None] = list(namespaces) or [None]
        self._waiting: dict[tuple[str, str], dict[str, Ended]] = {}
        self._known: BoundedSet[str] = BoundedSet(REMEMBERED)
        self.queue: WorkQueue[_Key] = WorkQueue("metrics")
        self.recovered = asyncio.Event()
        """Set once everything that ended before is known."""

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
        """Count an execution whose end is stored; reported twice it counts once."""
        execution = Ended(uid, name, phase, reason, started_at, finished_at)
        self._waiting.setdefault((namespace, workflow), {})[uid] = execution
        self._known.add(uid)
        self.queue.add_after((namespace, workflow, ""), PERIOD)

    def left(self, namespace: str, name: str, uid: str) -> None:
        """An execution is no longer among the running ones; counted later if no end is reported."""
        if uid not in self._known:
            self.queue.add_after((namespace, name, uid), LATE)

    async def run(self) -> None:
        """Find what ended before, then count until cancelled."""
        while True:
            try:
                await self._recover()
                self.recovered.set()
                break
            except ApiError as error:
                logger.warning("cannot list the executions that ended: %s", error)
                await asyncio.sleep(LATE)
        await self.queue.run(self._pass, workers=4)

    async def flush(self) -> None:
        """Count what waits, now."""
        for key in list(self._waiting):
            try:
                await self._write(*key)
            except ApiError as error:
                logger.info("metrics of %s wait for the next start: %s", "/".join(key), error)

    async def _recover(self) -> None:
        for scope in self._scopes:
            for phase in TERMINAL:
                selector = f"status.phase={phase.value}"
                async for page in self._client.pages(
                    EXECUTIONS, scope, field_selector=selector, limit=PAGE
                ):
                    for raw in page["items"]:
                        self._take(raw)

    async def _pass(self, key: _Key) -> float | None:
        namespace, name, uid = key
        if uid:
            await self._recount(namespace, name, uid)
        else:
            await self._write(namespace, name)
        return None

    async def _recount(self, namespace: str, name: str, uid: str) -> None:
        if uid in self._known:
            return
        try:
            raw = await self._client.get(EXECUTIONS, namespace, name)
        except ApiError as error:
            if error.status == 404:
                return
            raise
        if raw["metadata"]["uid"] == uid:
            self._take(raw)

    def _take(self, raw: dict[str, Any]) -> None:
        status = raw.get("status") or {}
        finished_at = ended_at(status)
        if finished_at is None:
            return
        self._seen(raw)
        self.ended(
            namespace=raw["metadata"]["namespace"],
            workflow=raw["spec"]["workflow"],
            uid=raw["metadata"]["uid"],
            name=raw["metadata"]["name"],
            phase=ExecutionPhase(status["phase"]),
            reason=status.get("reason") or "",
            started_at=_time(status.get("startedAt")),
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
            if error.status != 404:  # without its workflow an execution counts for none
                raise
        self._forget(namespace, workflow, waiting)

    async def _store(self, raw: dict[str, Any], waiting: dict[str, Ended]) -> None:
        old = _metrics((raw.get("status") or {}).get("metrics"))
        new = count(old, waiting.values())
        if new is old:
            return
        metadata = raw["metadata"]
        figures = new.model_dump(mode="json", by_alias=True, exclude_none=True)
        body = {
            "metadata": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]},
            "status": {"metrics": figures},
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


def _time(text: str | None) -> float | None:
    try:
        return optional_from_rfc3339(text)
    except ValueError:  # written by hand
        return None


def _metrics(raw: Any) -> WorkflowMetrics:
    try:
        return WorkflowMetrics.model_validate(raw or {})
    except ValueError:  # written by another release, or by hand: start over
        return WorkflowMetrics()
