"""A priority semaphore that limits the requests in flight; requests that advance workflows go
first."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum
from itertools import count


class Priority(IntEnum):
    """A lower value goes first."""

    URGENT = 0
    """Creating Jobs: everything else waits for pods."""
    NORMAL = 1
    BACKGROUND = 2
    """Requests that may be late or lost: Events."""


class PrioritySemaphore:
    """A semaphore whose waiters proceed by priority, and in order within one."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._order = count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def acquired(self, priority: Priority) -> AsyncIterator[None]:
        """Hold one of the places, once it is this caller's turn."""
        await self._acquire(priority)
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, priority: Priority) -> None:
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release()  # the place was already ours
            raise

    def _release(self) -> None:
        while self._waiting:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(None)  # the place passes to the next waiter
                return
        self._free += 1
