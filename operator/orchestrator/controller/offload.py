"""Work of the pure core that may take long: on the event loop while it is short, else beside it.

Work is pure, so it can be given up and repeated. What exceeds a slice on the loop is repeated in a
thread, which rests after each slice: the loop, and with it the passes of every other
execution, comes first. Where work is done has no influence on what it comes to.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from orchestrator.controller.queue import worker_released
from orchestrator.expressions.budget import Pacer, paced_by

Result = TypeVar("Result")

LARGE = 200
"""Nodes and edges from which a workflow takes long to read, to check or to freeze."""
LARGE_ITEMS, LARGE_TEXT = 5_000, 64 * 1024
"""Items of lists and objects, and characters of strings, from which that is so as well."""
THREADS = 2
REST = 2.0
"""Times as long as a slice took, a thread rests after it: it takes a third of a core at most."""
MAX_REST = 0.25
"""Seconds that a rest lasts at most."""
SWITCH_INTERVAL = 0.001
"""Seconds after which a thread that computes lets the event loop have the interpreter."""


class SliceUsedUp(Exception):  # noqa: N818 - no error: the work is done elsewhere
    """Work on the event loop has used up its slice."""


class Inline:
    """Does all work at once, where it is asked for: for one that has the loop to itself."""

    async def run(self, work: Callable[[], Result], *, long: bool = False) -> Result:
        """What the work comes to."""
        del long
        return work()

    def stop(self) -> None:
        """Nothing is under way."""


class Offload(Inline):
    """Does short work on the event loop and long work in threads."""

    def __init__(self, rest: Callable[[float], None] = time.sleep, threads: int = THREADS) -> None:
        self._rest = rest
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="long work")
        self._stopping = threading.Event()
        self.moved = 0
        """How often work was done in a thread."""

    async def run(self, work: Callable[[], Result], *, long: bool = False) -> Result:
        """What the work comes to; `long` where it is known to exceed a slice.

        While it is done in a thread, or waits for one, the loop goes on and the pass that asks
        releases its worker: the caller checks afterwards whether the state that the work was
        given is still current. Threads take work in the order in which it was asked for. Work that
        no caller waits for any more is given up at the end of its slice.
        """
        if not long:
            try:
                with paced_by(Pacer(_give_up)):
                    return work()
            except SliceUsedUp:
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
        """Give up what is under way at the end of its slice."""
        self._stopping.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _pace(self, work: Callable[[], Result], abandoned: threading.Event) -> Result:
        began = time.thread_time()

        def rest() -> None:
            nonlocal began
            if self._stopping.is_set() or abandoned.is_set():
                raise SliceUsedUp
            self._rest(min(REST * (time.thread_time() - began), MAX_REST))
            began = time.thread_time()

        with paced_by(Pacer(rest)):
            return work()


def _give_up() -> None:
    raise SliceUsedUp


def is_large(*specs: Any) -> bool:
    """Whether work on raw specs takes long: they have many nodes and edges, or many or long values
    of any kind; tolerates any shape."""
    found = (
        spec.get(key) for spec in specs if isinstance(spec, dict) for key in ("nodes", "edges")
    )
    if sum(len(items) for items in found if isinstance(items, list)) > LARGE:
        return True
    items = text = 0
    waiting: list[Any] = list(specs)
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            text += len(value)
        elif isinstance(value, dict | list):
            items += len(value)
            if items <= LARGE_ITEMS:
                waiting.extend(value)
                waiting.extend(value.values() if isinstance(value, dict) else ())
        if items > LARGE_ITEMS or text > LARGE_TEXT:
            return True
    return False
