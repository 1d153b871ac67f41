"""Runs pure work that may take long: on the event loop while it is short, otherwise in a thread.

Work is pure, so it can be abandoned and repeated. Work that exceeds a slice on the loop is repeated
in a thread, which sleeps after each slice: the loop, and with it the passes of all other
executions, takes precedence. The result does not depend on where the work runs.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from orchestrator.dispatch.compute import Inline, Result
from orchestrator.expressions.budget import Pacer, paced_by
from orchestrator.process.queue import worker_released

THREADS = 2
REST = 2.0
"""After each slice a thread sleeps for this multiple of the slice's duration, so it uses at most a
third of a core."""
MAX_REST = 0.25
"""Maximum seconds of such a sleep."""
SWITCH_INTERVAL = 0.001
"""Seconds after which a computing thread yields the interpreter to the event loop."""


class SliceExhausted(Exception):  # noqa: N818 - no error: the work is done elsewhere
    """Work on the event loop has exceeded its slice."""


class Offload(Inline):
    """Runs short work on the event loop and long work in threads."""

    def __init__(self, rest: Callable[[float], None] = time.sleep, threads: int = THREADS) -> None:
        self._rest = rest
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="long work")
        self._stopping = threading.Event()
        self.moved = 0
        """How often work was done in a thread."""

    async def run(self, work: Callable[[], Result], *, long: bool = False) -> Result:
        """The result of the work; `long` if it is known to exceed a slice.

        While the work runs in a thread, or waits for one, the loop continues and the calling pass
        releases its worker: the caller checks afterwards whether the state passed to the work is
        still current. Threads process work in the order of the calls. Work without a waiting caller
        is abandoned at the end of its slice.
        """
        if not long:
            try:
                with paced_by(Pacer(_give_up)):
                    return work()
            except SliceExhausted:
                pass
        self.moved += 1
        abandoned = threading.Event()
        loop = asyncio.get_running_loop()
        try:
            with worker_released():
                return await loop.run_in_executor(self._pool, self._pace, work, abandoned)
        finally:
            abandoned.set()

    def stop(self) -> None:
        """Abandon running work at the end of its slice."""
        self._stopping.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _pace(self, work: Callable[[], Result], abandoned: threading.Event) -> Result:
        began = time.thread_time()

        def rest() -> None:
            nonlocal began
            if self._stopping.is_set() or abandoned.is_set():
                raise SliceExhausted
            self._rest(min(REST * (time.thread_time() - began), MAX_REST))
            began = time.thread_time()

        with paced_by(Pacer(rest)):
            return work()


def _give_up() -> None:
    raise SliceExhausted
