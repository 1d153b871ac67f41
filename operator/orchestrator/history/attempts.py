"""Whether recording succeeds at the moment, and the pause before the next attempt."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from orchestrator.history.metrics import Failure, HistoryMetrics

logger = logging.getLogger(__name__)

FIRST_BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 30.0


class Attempts:
    """Counts failures in a row."""

    def __init__(
        self, metrics: HistoryMetrics, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._metrics = metrics
        self._sleep = sleep
        self._tries = 0
        self.problem = ""
        """Why the last attempt failed; empty if it succeeded."""
        self.database_up = True
        """Whether the last use of the database succeeded."""

    def succeeded(self) -> None:
        """An attempt succeeded."""
        if self.problem:
            logger.info("the history catches up")
        self._tries, self.problem, self.database_up = 0, "", True

    def stood_down(self) -> None:
        """Another replica records from now on: what failed here says nothing any more."""
        self._tries, self.problem, self.database_up = 0, "", True

    async def failed(self, failure: Failure, error: Exception) -> None:
        """An attempt failed: pause before the next one, longer each time."""
        self._metrics.failed(failure)
        self.problem = str(error)
        self.database_up = failure is not Failure.DATABASE
        backoff = min(FIRST_BACKOFF_SECONDS * 2.0**self._tries, MAX_BACKOFF_SECONDS)
        backoff *= random.uniform(0.5, 1.0)
        level = logging.WARNING if self._tries in (0, 6) else logging.DEBUG
        logger.log(level, "the history is retried in %.1f s: %s", backoff, error)
        self._tries += 1
        await self._sleep(backoff)
