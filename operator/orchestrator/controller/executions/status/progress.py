"""Writes of an execution's status: with the pass where it cannot wait, otherwise in the background.

Of a large status a write takes a while, and what it shows can be found again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from orchestrator.controller.executions.held import Held, Key
from orchestrator.controller.executions.shell import Shell
from orchestrator.controller.executions.status import pacing
from orchestrator.controller.executions.status.writing import store_pass
from orchestrator.controller.executions.tracked import Tracked
from orchestrator.engine.decisions import Ending
from orchestrator.engine.records import Record

logger = logging.getLogger(__name__)

FLUSHING = 5.0
"""Seconds that a stop waits for writes of progress."""


class Progress:
    """One write of an execution's status at a time."""

    def __init__(self, shell: Shell, held: Held) -> None:
        self._shell = shell
        self._held = held
        self._writes: dict[Key, asyncio.Task[None]] = {}
        """Those in flight, in the background."""
        self._failed: dict[Key, Exception] = {}
        """Why the last such write failed: the next pass fails with it, and comes back like any."""

    def due(self, tracked: Tracked) -> bool:
        """Whether progress that could wait is to be written now."""
        return pacing.due(tracked, len(self._held), self._shell.clock())

    def next_change(self, tracked: Tracked) -> float | None:
        """Seconds until the clock alone changes something; None when only an event can."""
        return pacing.next_change(tracked, len(self._held), self._shell.clock())

    def raise_failure(self, key: Key) -> None:
        """Raise what the last write beside a pass failed with, once."""
        if (error := self._failed.pop(key, None)) is not None:
            raise error

    async def store(
        self, key: Key, tracked: Tracked, *, ending: Ending | None, transition: bool
    ) -> bool:
        """Store what cannot wait; False when the status is not what it was taken for."""
        if tracked.writing is not None:
            await asyncio.wait([tracked.writing])
        if not self._held.holds(key, tracked):
            return False
        stored = await store_pass(self._shell, tracked, ending=ending, transition=transition)
        if stored is None:
            return False
        self._find_orphans(key, tracked, stored)
        return True

    def begin(self, key: Key, tracked: Tracked) -> None:
        """Begin to store progress, while passes go on."""
        work = self._store_beside(key, tracked)
        tracked.writing = self._writes[key] = asyncio.create_task(work)

    async def caught_up(self, key: Key, raw: Mapping[str, Any] | None) -> bool:
        """Wait for a write under way of which `raw`, from the cache, may say more than is held;
        whether there was one, and the cache is to be asked again."""
        write = self._writes.get(key)
        if write is None or (raw is not None and self._held.current(key, raw) is not None):
            return False
        await asyncio.wait([write])
        return True

    async def flush(self) -> None:
        """Write the batched progress, as far as it can be written soon."""
        try:
            async with asyncio.timeout(FLUSHING):
                await self._flush()
        except TimeoutError:
            logger.info("progress that was not written in time is found again")

    async def _flush(self) -> None:
        if self._writes:
            await asyncio.wait(list(self._writes.values()))
        waiting = [tracked for tracked in self._held if tracked.unstored]
        writes = (store_pass(self._shell, tracked) for tracked in waiting)
        for outcome in await asyncio.gather(*writes, return_exceptions=True):
            if isinstance(outcome, Exception):
                logger.info("progress that was not written is found again: %s", outcome)

    async def _store_beside(self, key: Key, tracked: Tracked) -> None:
        stored: Mapping[str, Record] | None = None
        failed: Exception | None = None
        try:
            stored = await store_pass(self._shell, tracked)
        except Exception as error:
            failed = error
        finally:
            tracked.writing = None
            self._writes.pop(key, None)
        if not self._held.holds(key, tracked):
            return
        if stored is None:
            self._held.forget(key)
            if failed is not None:
                self._failed[key] = failed
            self._shell.queue.add(key)
            return
        self._find_orphans(key, tracked, stored)
        if (again := self.next_change(tracked)) is not None:
            self._shell.queue.add_after(key, again)

    def _find_orphans(self, key: Key, tracked: Tracked, stored: Mapping[str, Record]) -> None:
        """A Job may have been made for what ended without it, and have reported that before."""
        for node, record in stored.items():
            name = tracked.name_of(node, record.attempts + 1)
            job = self._shell.jobs.get(key[0], name) if record.phase.terminal else None
            if job is not None and self._held.note_job(key, job):
                self._shell.queue.add(key)
