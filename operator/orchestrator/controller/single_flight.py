"""Work that many callers request at the same time, done once for all of them.

The semantics of Go's singleflight (https://pkg.go.dev/golang.org/x/sync/singleflight), for
coroutines that may be cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from orchestrator.process.queue import worker_released

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class SingleFlight(Generic[Key, Value]):
    """Calls in flight by key; nothing is kept once a call has ended."""

    def __init__(self) -> None:
        self._in_flight: dict[Key, asyncio.Future[Value]] = {}

    async def do(self, key: Key, work: Callable[[], Awaitable[Value]]) -> Value:
        """The result of `work`, or of the same work for this key that is in flight.

        The key must identify everything that decides the result: an error of the work goes to
        every caller that waits for it. The cancellation of a caller concerns that caller alone:
        when it was doing the work, one of those that wait does it instead.
        """
        while (flight := self._in_flight.get(key)) is not None:
            with worker_released():
                await asyncio.wait([flight])
            if not flight.cancelled():
                return flight.result()
        flight = self._in_flight[key] = asyncio.get_running_loop().create_future()
        try:
            value = await work()
        except Exception as error:
            flight.set_exception(error)
            flight.exception()  # retrieved, even if no other caller waits
            raise
        else:
            flight.set_result(value)
            return value
        finally:
            del self._in_flight[key]
            flight.cancel()  # no effect unless this caller was cancelled
