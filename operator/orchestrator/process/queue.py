"""A work queue of keys: each key is queued once and processed by one worker at a time.

The semantics of client-go's workqueue (https://pkg.go.dev/k8s.io/client-go/util/workqueue): a key
added while it is processed is processed again afterwards; a key that fails is retried after an
exponential backoff of its own. In addition, a pass that waits for long work elsewhere releases its
worker (`worker_released`).
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from itertools import count
from typing import Generic, TypeVar

from orchestrator.kube.errors import REASONS, ApiError

logger = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)

_RACED = ("Conflict", "Expired")
FIRST_BACKOFF = 0.1
MAX_BACKOFF = 60.0
UNEXPECTED = "Unexpected"
"""The reason of a pass that raised something other than an answer of the API server."""
OTHER = "Other"
"""The reason of an answer that does not come from the API server itself, such as an admission
webhook's."""


class WorkQueue(Generic[Key]):
    """Keys to process; times are seconds of the running event loop."""

    def __init__(
        self,
        name: str = "work",
        fields: Callable[[Key], Mapping[str, str]] | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`fields` are those of a log line about a key; `monotonic` is the clock for
        measurements."""
        self.name = name
        self.on_begin: Callable[[float], None] = lambda _: None
        """Called when a pass begins, with the seconds for which its key has waited."""
        self._monotonic = monotonic
        self._fields = fields or (lambda _: {})
        self.passes = 0
        """Finished passes, including failed ones."""
        self.failures: Counter[str] = Counter()
        """Passes that raised, by the reason of the API server's answer; see UNEXPECTED, OTHER."""
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._dirty: set[Key] = set()
        self._waiting_since: dict[Key, float] = {}
        self._processing: dict[Key, float] = {}
        """Keys in process, and since when."""
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failed: dict[Key, int] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._limit = 0
        """Maximum number of concurrent passes, not counting those whose worker is released."""
        self._released = 0
        """Workers whose pass waits elsewhere."""
        self._workers: set[asyncio.Task[None]] = set()
        self._idle_workers: dict[asyncio.Task[None], None] = {}
        self._numbers = count()

    def __len__(self) -> int:
        """Number of keys that wait to be processed now."""
        return self._ready.qsize()

    @property
    def longest_wait(self) -> float:
        """Seconds for which the longest-waiting key has waited; any thread may call this."""
        return self._since(self._waiting_since)

    @property
    def longest_running(self) -> float:
        """Seconds since the longest-running pass began; any thread may call this."""
        return self._since(self._processing)

    def _since(self, began: Mapping[Key, float]) -> float:
        times = list(began.values())
        return max(0.0, self._monotonic() - min(times)) if times else 0.0

    def add(self, key: Key) -> None:
        """Process the key as soon as possible."""
        if key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._processing:
            self._put(key)

    def add_after(self, key: Key, seconds: float) -> None:
        """Process the key after this time, unless it is already due earlier."""
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
        """Process the key again after a backoff that grows until `forget`."""
        failures = self._failed.get(key, 0)
        self._failed[key] = failures + 1
        seconds = min(FIRST_BACKOFF * 2.0 ** min(failures, 20), MAX_BACKOFF)
        self.add_after(key, seconds * random.uniform(0.75, 1.0))

    def forget(self, key: Key) -> None:
        """Reset the backoff of the key."""
        self._failed.pop(key, None)

    async def run(
        self, work: Callable[[Key], Awaitable[float | None]], workers: int, *, grace: float = 10.0
    ) -> None:
        """Process keys until cancelled; passes in flight then get `grace` seconds to finish.

        `work` returns the seconds after which it wants the key again, or None.
        """
        self._limit = workers
        for _ in range(workers):
            self._add_worker(work)
        try:
            while self._workers:  # unlike gather, cancelled without cancelling the workers
                await asyncio.wait(self._workers)
        finally:
            await self._stop(grace)

    def _add_worker(self, work: Callable[[Key], Awaitable[float | None]]) -> None:
        task = asyncio.create_task(self._worker(work), name=f"{self.name} {next(self._numbers)}")
        self._workers.add(task)
        self._idle_workers[task] = None
        task.add_done_callback(self._workers.discard)

    async def _worker(self, work: Callable[[Key], Awaitable[float | None]]) -> None:
        # No local name for this task: the traceback of its cancellation would close a cycle, which
        # only the garbage collector breaks, and workers come and go with every long wait.
        _worker.set(_Worker(lambda: self._release(work), self._reclaim))
        while True:
            if self._has_surplus():
                self._workers.discard(_this_task())
                self._idle_workers.pop(_this_task(), None)
                return
            self._idle_workers[_this_task()] = None
            key = await self._ready.get()
            self._idle_workers.pop(_this_task(), None)
            if self._closed:
                return
            self._begin(key)
            try:
                delay = await work(key)
            except Exception as error:
                self.failures[_reason(error)] += 1
                raced = isinstance(error, ApiError) and error.reason in _RACED
                expected = raced or (isinstance(error, ApiError) and error.transient)
                trace = None if expected else error
                logger.warning(
                    "%s %s failed: %s",
                    self.name,
                    key,
                    error,
                    exc_info=trace,
                    extra=self._fields(key),
                )
                self.add_rate_limited(key)
            else:
                self.forget(key)
                if delay is not None:
                    self.add_after(key, delay)
            finally:
                self._end(key)

    def _put(self, key: Key) -> None:
        self._waiting_since[key] = self._monotonic()
        self._ready.put_nowait(key)

    def _begin(self, key: Key) -> None:
        now = self._monotonic()
        self.on_begin(now - self._waiting_since.pop(key, now))
        self._dirty.discard(key)
        self._processing[key] = now
        self._idle.clear()
        if timer := self._timers.pop(key, None):
            timer.cancel()  # the pass decides again when it is requeued

    def _end(self, key: Key) -> None:
        self.passes += 1
        self._processing.pop(key, None)
        if key in self._dirty:
            self._put(key)
        if not self._processing:
            self._idle.set()

    def _has_surplus(self) -> bool:
        return len(self._workers) - self._released > self._limit

    def _release(self, work: Callable[[Key], Awaitable[float | None]]) -> None:
        self._released += 1
        if not self._closed and len(self._workers) - self._released < self._limit:
            self._add_worker(work)

    def _reclaim(self) -> None:
        self._released -= 1
        if self._has_surplus() and self._idle_workers:
            idle, _ = self._idle_workers.popitem()
            self._workers.discard(idle)  # at once: others may be reclaimed before it ends
            idle.cancel()

    async def _stop(self, grace: float) -> None:
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._idle.wait()
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    def _ring(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)


def _reason(error: Exception) -> str:
    if not isinstance(error, ApiError):
        return UNEXPECTED
    return error.reason if error.reason in REASONS else OTHER


def _this_task() -> asyncio.Task[None]:
    task = asyncio.current_task()
    assert task is not None
    return task


class _Worker:
    """The part of a worker that its passes may use."""

    def __init__(self, release: Callable[[], None], reclaim: Callable[[], None]) -> None:
        self._release = release
        self._reclaim = reclaim
        self._waits = 0
        """Parts of the pass that wait elsewhere; a pass may create several Jobs at once."""

    def enter(self) -> None:
        self._waits += 1
        if self._waits == 1:
            self._release()

    def leave(self) -> None:
        self._waits -= 1
        if self._waits == 0:
            self._reclaim()


_worker: ContextVar[_Worker | None] = ContextVar("worker", default=None)


@contextmanager
def worker_released() -> Iterator[None]:
    """Let another key be worked on while the pass of this context waits in the block.

    For waits that may last seconds, such as for a thread: otherwise a few costly passes hold up
    those of every other key. Its own key stays in process. At the end of the block the pass goes
    on without waiting for a worker, since it may hold a lock that passes with a worker wait for;
    no further pass begins until no more than the limit run again.
    """
    worker = _worker.get()
    if worker is None:
        yield
        return
    worker.enter()
    try:
        yield
    finally:
        worker.leave()
