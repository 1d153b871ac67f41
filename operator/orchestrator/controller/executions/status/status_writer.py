"""Writes an execution's status: with the pass if it cannot wait, otherwise in the background.

Writing a large status takes a while, and progress can be observed again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from orchestrator.controller.executions.active import ActiveExecutions, Key
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.controller.executions.state.wakeups import Due
from orchestrator.controller.executions.status.store import store_pass
from orchestrator.controller.executions.trace import log, trace_requeued
from orchestrator.engine.decisions import Ending
from orchestrator.engine.status.records import Record

logger = logging.getLogger(__name__)

FLUSHING = 5.0
"""Seconds for which a shutdown waits for progress writes."""


class StatusWriter:
    """Writes each execution's status, one write at a time."""

    def __init__(self, context: ReconcileContext, active: ActiveExecutions) -> None:
        self._context = context
        self._active = active
        self._writes: dict[Key, asyncio.Task[None]] = {}
        """Background writes in flight."""
        self._failed: dict[Key, Exception] = {}
        """Why the last background write failed: the next pass raises it, and is retried."""

    def due(self, state: ExecutionState) -> bool:
        """Whether batched progress is to be written now."""
        left = state.pending.due_in(len(self._active), self._context.clock())
        return left is not None and left <= 0

    def next_change(self, state: ExecutionState) -> Due | None:
        """When the state changes by the clock alone; None if only an event can change it."""
        return state.next_change(len(self._active), self._context.clock())

    def raise_failure(self, key: Key) -> None:
        """Raise the failure of the last background write, once."""
        if (error := self._failed.pop(key, None)) is not None:
            raise error

    async def store(
        self, key: Key, state: ExecutionState, *, ending: Ending | None, transition: bool
    ) -> bool:
        """Store what cannot wait; False if the stored status has changed unexpectedly."""
        if state.pending.write is not None:
            await asyncio.wait([state.pending.write])
        if not self._active.has(key, state):
            return False
        stored = await store_pass(self._context, state, ending=ending, transition=transition)
        if stored is None:
            return False
        self._find_orphans(key, state, stored)
        return True

    def begin(self, key: Key, state: ExecutionState) -> None:
        """Begin to store progress in the background."""
        write = self._writes[key] = asyncio.create_task(self._store_progress(key, state))
        state.pending.begin_write(write)

    async def caught_up(self, key: Key, raw: Mapping[str, Any] | None) -> bool:
        """Wait for a write in flight if `raw`, from the cache, may be newer than the state; returns
        whether there was one, so that the cache must be read again."""
        write = self._writes.get(key)
        if write is None or (raw is not None and self._active.current(key, raw) is not None):
            return False
        await asyncio.wait([write])
        return True

    async def flush(self) -> None:
        """Write the batched progress, as far as possible within seconds."""
        try:
            async with asyncio.timeout(FLUSHING):
                await self._flush()
        except TimeoutError:
            logger.info("progress that was not written in time is found again")

    async def _flush(self) -> None:
        if self._writes:
            await asyncio.wait(list(self._writes.values()))
        waiting = [state for state in self._active if state.pending.unstored]
        writes = (store_pass(self._context, state) for state in waiting)
        for outcome in await asyncio.gather(*writes, return_exceptions=True):
            if isinstance(outcome, Exception):
                logger.info("progress that was not written is found again: %s", outcome)

    async def _store_progress(self, key: Key, state: ExecutionState) -> None:
        stored: Mapping[str, Record] | None = None
        failed: Exception | None = None
        try:
            stored = await store_pass(self._context, state)
        except Exception as error:
            failed = error
        finally:
            state.pending.end_write()
            self._writes.pop(key, None)
        if not self._active.has(key, state):
            return
        if stored is None:
            self._active.invalidate(key)
            if failed is not None:
                self._failed[key] = failed
            log.debug(key, "requeued: progress was not stored")
            self._context.queue.add(key)
            return
        self._find_orphans(key, state, stored)
        if (due := self.next_change(state)) is not None:
            trace_requeued(key, state, due)
            self._context.queue.add_after(key, due.seconds)

    def _find_orphans(self, key: Key, state: ExecutionState, stored: Mapping[str, Record]) -> None:
        """A Job may have been created for a node that ended without it, and may already have
        reported."""
        for node, record in stored.items():
            name = state.name_of(node, record.attempts + 1)
            job = self._context.jobs.get(key[0], name) if record.phase.terminal else None
            if job is not None and self._active.note_job(key, job):
                self._context.queue.add(key)
