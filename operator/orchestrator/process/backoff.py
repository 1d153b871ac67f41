"""Pauses between attempts that fail in a row."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

FIRST_SECONDS = 0.5
MAX_SECONDS = 30.0


class Backoff:
    """Each pause is about twice as long as the one before, up to a maximum."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self.failures = 0
        """Failures in a row."""

    def succeeded(self) -> None:
        """The next pause is short."""
        self.failures = 0

    async def pause(self) -> None:
        """An attempt failed: wait before the next one."""
        seconds = min(FIRST_SECONDS * 2.0**self.failures, MAX_SECONDS)
        self.failures = min(self.failures + 1, 32)
        await self._sleep(seconds * random.uniform(0.5, 1.0))
