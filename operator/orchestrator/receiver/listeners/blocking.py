"""Blocking work in a thread of its own, so that neither the loop nor another listener waits."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

Result = TypeVar("Result")
_Work = tuple[Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class BusyError(Exception):
    """Earlier work has not ended yet, although its caller has given up."""


class BlockingThread:
    """Runs one piece of work after the other, until it is closed.

    The thread is a daemon: work that hangs in the kernel must not keep the process from ending.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: queue.SimpleQueue[_Work | Callable[[], object]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._running = False

    async def run(self, work: Callable[[], Result], seconds: float) -> Result:
        """The result of the work. Raises TimeoutError after `seconds`, although the work continues;
        BusyError while it does."""
        if self._running:
            raise BusyError
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._running = True
        self._queue.put((work, loop, future))
        async with asyncio.timeout(seconds):
            return await future

    @property
    def busy(self) -> bool:
        """Whether work has not ended yet."""
        return self._running

    def close(self, last: Callable[[], object] = lambda: None) -> None:
        """End the thread after its current work, and after `last`."""
        if self._thread is not None:
            self._queue.put(last)

    def _serve(self) -> None:
        while True:
            item = self._queue.get()
            if not isinstance(item, tuple):
                with suppress(Exception):
                    item()
                return
            work, loop, future = item
            result: Any = None
            error: BaseException | None = None
            try:
                result = work()
            except BaseException as raised:
                error = raised
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._end, future, result, error)

    def _end(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        self._running = False
        if future.done():
            return  # its caller has given up
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)
