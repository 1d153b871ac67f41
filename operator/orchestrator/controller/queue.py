"""A work queue of keys: each waits once, and no key is worked on twice at a time.

The semantics of client-go's workqueue
(https://pkg.go.dev/k8s.io/client-go/util/workqueue): a key added while it is being worked on is
worked on again afterwards; one that fails comes back after an exponential backoff of its own.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

from orchestrator.controller.apiserver.errors import ApiError

logger = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)

_RACED = ("Conflict", "Expired")
FIRST_BACKOFF = 0.1
LONGEST_BACKOFF = 60.0


class WorkQueue(Generic[Key]):
    """Keys to work on; times are seconds of the running event loop."""

    def __init__(self, name: str = "work") -> None:
        self.name = name
        self.passes = 0
        """Passes finished, failed ones included."""
        self.failures = 0
        """Passes that raised."""
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._dirty: set[Key] = set()
        self._processing: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failed: dict[Key, int] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False

    def __len__(self) -> int:
        """Keys that wait to be worked on now."""
        return self._ready.qsize()

    def add(self, key: Key) -> None:
        """Work on the key as soon as possible."""
        if key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._processing:
            self._ready.put_nowait(key)

    def add_after(self, key: Key, seconds: float) -> None:
        """Work on the key after this time, unless it already comes up earlier."""
        if seconds <= 0:
            self.add(key)
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(due, self._ring, key)

    def add_rate_limited(self, key: Key) -> None:
        """Work on the key again after a backoff that grows until `forget`."""
        failures = self._failed.get(key, 0)
        self._failed[key] = failures + 1
        seconds = min(FIRST_BACKOFF * 2.0 ** min(failures, 20), LONGEST_BACKOFF)
        self.add_after(key, seconds * random.uniform(0.75, 1.0))

    def forget(self, key: Key) -> None:
        """The key is well: its next failure starts with the first backoff."""
        self._failed.pop(key, None)

    async def run(
        self, work: Callable[[Key], Awaitable[float | None]], workers: int, *, grace: float = 10.0
    ) -> None:
        """Work until cancelled; passes under way then get `grace` seconds to finish.

        `work` returns the seconds after which it wants the key again, or None.
        """
        tasks = [
            asyncio.create_task(self._worker(work), name=f"{self.name} {number}")
            for number in range(workers)
        ]
        try:
            await asyncio.wait(tasks)  # unlike gather, cancelled without cancelling the workers
        finally:
            await self._stop(tasks, grace)

    async def _worker(self, work: Callable[[Key], Awaitable[float | None]]) -> None:
        while True:
            key = await self._ready.get()
            if self._closed:
                return
            self._begin(key)
            try:
                again = await work(key)
            except Exception as error:
                self.failures += 1
                raced = isinstance(error, ApiError) and error.reason in _RACED
                expected = raced or (isinstance(error, ApiError) and error.transient)
                trace = None if expected else error
                logger.warning("%s %s failed: %s", self.name, key, error, exc_info=trace)
                self.add_rate_limited(key)
            else:
                self.forget(key)
                if again is not None:
                    self.add_after(key, again)
            finally:
                self._end(key)

    def _begin(self, key: Key) -> None:
        self._dirty.discard(key)
        self._processing.add(key)
        self._idle.clear()
        if timer := self._timers.pop(key, None):
            timer.cancel()  # the pass decides anew when it wants to come back

    def _end(self, key: Key) -> None:
        self.passes += 1
        self._processing.discard(key)
        if key in self._dirty:
            self._ready.put_nowait(key)
        if not self._processing:
            self._idle.set()

    async def _stop(self, tasks: list[asyncio.Task[None]], grace: float) -> None:
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._idle.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ring(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)
