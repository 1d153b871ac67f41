"""Writes the outcomes of events to the statuses of triggers, in batches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from orchestrator.dispatch.status import TriggerProgress, TriggerStatusWriter, progress_of
from orchestrator.kube.cache import Key, Raw, key_of
from orchestrator.kube.client import ApiError

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 5.0
"""Seconds between two writes of a trigger's status: a crash loses at most the counts of these."""

WRITERS = 4
"""Statuses that are written at a time."""


class Statuses:
    """Collects progress by trigger, and writes it every few seconds."""

    def __init__(
        self,
        writer: TriggerStatusWriter,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._sleep = sleep
        self._waiting: dict[Key, tuple[Raw, TriggerProgress]] = {}
        self._flushing = asyncio.Lock()

    def progress(self, raw: Raw) -> TriggerProgress:
        """The progress of one delivery, to be added once it has ended."""
        return progress_of(raw, self._clock(), first=False)

    def add(self, raw: Raw, progress: TriggerProgress) -> None:
        """Have this progress written with the next batch."""
        key = key_of(raw)
        known = self._waiting.get(key)
        if known is None or known[0]["metadata"]["uid"] != raw["metadata"]["uid"]:
            self._waiting[key] = raw, progress
        else:
            known[1].merge(progress)

    def failed(self, raw: Raw, message: str) -> None:
        """Report an error in the status of a trigger."""
        progress = self.progress(raw)
        progress.last_error = self._clock(), message
        self.add(raw, progress)

    def reached(self, raw: Raw, position: str) -> None:
        """Everything up to a position has been handled."""
        progress = self.progress(raw)
        progress.position = position
        self.add(raw, progress)

    async def store(self, raw: Raw, position: str) -> None:
        """Write a position at once. Raises ApiError."""
        progress = self.progress(raw)
        progress.position = position
        await self._writer.write(raw, progress)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write everything that is waiting, now; what is being written is written first.

        So nothing is in flight when this returns, and an earlier position never replaces a later
        one.
        """
        async with self._flushing:
            waiting, self._waiting = self._waiting, {}
            batches = [list(waiting.values())[first::WRITERS] for first in range(WRITERS)]
            await asyncio.gather(*(self._write(batch) for batch in batches))

    async def _write(self, batch: Sequence[tuple[Raw, TriggerProgress]]) -> None:
        for raw, progress in batch:
            try:
                await self._writer.write(raw, progress)
            except ApiError as error:
                metadata = raw["metadata"]
                logger.info(
                    "the status of trigger %s/%s is written later: %s",
                    metadata["namespace"], metadata["name"], error,
                )  # fmt: skip
                newer = self._waiting.pop(key_of(raw), None)
                self._waiting[key_of(raw)] = raw, progress
                if newer is not None:
                    self.add(*newer)
