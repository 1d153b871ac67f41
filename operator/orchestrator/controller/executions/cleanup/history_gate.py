"""Retention waits until the history has recorded an execution, with the logs of its Jobs, but not
indefinitely."""

from __future__ import annotations

import logging
from typing import Any

from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.state.admitted import execution_reference
from orchestrator.engine.lifecycle.retention import Stored
from orchestrator.engine.status.conditions import is_recorded
from orchestrator.engine.times import in_words
from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.labels import PARENT_UID
from orchestrator.models.reasons import EventReason
from orchestrator.operations.executions import is_child_of

logger = logging.getLogger(__name__)

WAITED = 24 * 3600.0
"""Seconds after the end of an execution, after which it is removed without being recorded."""
FIRST_RETRY, LAST_RETRY = 20.0, 600.0
"""Seconds between two reads of an execution that is not recorded yet: doubled each time."""


class HistoryGate:
    """Decides which ended executions may be removed. Raises ApiError."""

    def __init__(self, context: ReconcileContext) -> None:
        self._context = context
        self._waiting: dict[tuple[str, bool], tuple[float, float]] = {}
        """By uid, and whether only its Jobs wait: when to read it again, and the pause before."""

    async def opens(self, execution: Stored) -> bool:
        """Whether an execution may be removed, with its sub-executions: all are recorded, or it
        ended a day ago. The latter is reported."""
        now = self._context.clock()
        if await self._opens(execution, now, only_jobs=False):
            return True
        if now < execution.finished_at + WAITED:
            return False
        self.forget(execution.uid)
        self._report(execution, now)
        return True

    async def opens_for_jobs(self, execution: Stored) -> bool:
        """Whether the Jobs of an execution may be removed, with their pods: it is recorded, which
        it is once their logs are kept, or it ended a day ago."""
        now = self._context.clock()
        if now >= execution.finished_at + WAITED:
            return True
        return await self._opens(execution, now, only_jobs=True)

    def forget(self, uid: str) -> None:
        """The execution is gone, or will be."""
        for only_jobs in (False, True):
            self._waiting.pop((uid, only_jobs), None)

    async def _opens(self, execution: Stored, now: float, *, only_jobs: bool) -> bool:
        key = execution.uid, only_jobs
        due, pause = self._waiting.get(key, (now, FIRST_RETRY / 2))
        if now < due:
            return False
        raw = await self._read(execution)
        if raw is None or await self._is_recorded(raw, with_children=not only_jobs):
            self._waiting.pop(key, None)
            return True
        pause = min(2 * pause, LAST_RETRY)
        self._waiting[key] = now + pause, pause
        return False

    async def _read(self, execution: Stored) -> Raw | None:
        """The execution as it is now; None if it is gone."""
        try:
            raw = await self._context.client.get(EXECUTIONS, execution.namespace, execution.name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return raw if raw["metadata"]["uid"] == execution.uid else None

    async def _is_recorded(self, raw: Raw, *, with_children: bool = True) -> bool:
        """Whether it is recorded, and all that Kubernetes would remove with it."""
        status = raw.get("status") or {}
        if not is_recorded(status):
            return False
        if not with_children or not _has_children(status):
            return True
        for child in await self._children(raw["metadata"]):
            if not await self._is_recorded(child):
                return False
        return True

    async def _children(self, parent: Raw) -> list[Raw]:
        """The sub-executions of the execution with this metadata. The label only finds them: any
        editor can set it, and two executions could name each other."""
        uid = parent["uid"]
        labelled, _ = await self._context.client.list(
            EXECUTIONS, parent["namespace"], label_selector=f"{PARENT_UID}={uid}"
        )
        return [raw for raw in labelled if is_child_of(raw, uid)]

    def _report(self, execution: Stored, now: float) -> None:
        waited = in_words(now - execution.finished_at)
        words = f"deleted {waited} after its end, though the history has not recorded it"
        where = execution.namespace, execution.name
        logger.warning("WorkflowExecution %s/%s is %s", *where, words)
        reference = execution_reference(*where, execution.uid)
        self._context.recorder.emit(reference, EventReason.NOT_RECORDED, words)


def _has_children(status: dict[str, Any]) -> bool:
    """Whether a node ran sub-executions: one, or one for each of its items."""
    records = (status.get("nodes") or {}).values()
    return any(record.get("execution") or record.get("items") for record in records)
