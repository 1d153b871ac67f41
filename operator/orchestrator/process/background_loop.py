"""A second event loop in a thread of its own, for work that no pass may delay.

It renews the Lease and answers probes. It also watches the operator's loop: if that loop does not
answer for minutes, it is considered hung; then the Lease is no longer renewed, and the liveness
probe fails.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from orchestrator.process.loop import EventLoop

Result = TypeVar("Result")

HUNG = 120.0
"""Seconds without an answer after which the operator's loop is considered hung."""
PING = 1.0
"""Seconds between two pings of the operator's loop."""


class InlineLoop:
    """No second loop: all work runs in the caller's own."""

    async def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of the work."""
        return await work

    @property
    def silence(self) -> float:
        """Seconds since the caller's loop has answered."""
        return 0.0

    @property
    def hung(self) -> bool:
        """Whether the caller's loop has not answered for so long that it is considered hung."""
        return self.silence > HUNG


class BackgroundLoop(InlineLoop):
    """An event loop in a thread, for the duration of its context."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._loop = EventLoop()
        self._thread = threading.Thread(target=self._serve, name="background loop", daemon=True)
        self._answered_at = monotonic()
        self._asked = False

    async def __aenter__(self) -> BackgroundLoop:
        self._owner = asyncio.get_running_loop()
        self._thread.start()
        self._loop.call_soon_threadsafe(self._ping)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.run(_end_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)

    async def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of the work in the other loop; cancelled together with its caller."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    @property
    def silence(self) -> float:
        """Seconds since the owner's loop has answered."""
        return self._monotonic() - self._answered_at

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def _ping(self) -> None:
        if not self._asked and not self._owner.is_closed():
            self._asked = True
            self._owner.call_soon_threadsafe(self._answer)
        self._loop.call_later(PING, self._ping)

    def _answer(self) -> None:
        self._answered_at, self._asked = self._monotonic(), False


async def _end_all() -> None:
    """Cancel every other task of this loop, and wait until each has ended."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
