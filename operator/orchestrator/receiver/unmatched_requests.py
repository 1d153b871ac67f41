"""Logs requests to paths without a Trigger: the answer is that to a wrong secret."""

from __future__ import annotations

import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)

LOG_SECONDS = 10.0
"""Minimum seconds between two lines: anyone can send such requests."""
MAX_PATH = 200
"""Characters of a path in a line."""


class UnmatchedRequests:
    """Logs such requests at a limited rate, and counts the others."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._next_at = float("-inf")
        self._without_line = 0

    def requested(self, path: str) -> None:
        """Log or count a request to a path without a Trigger."""
        now = self._monotonic()
        if now < self._next_at:
            self._without_line += 1
            return
        others = (
            f", and {self._without_line} more since the last line" if self._without_line else ""
        )
        logger.warning(
            "a request to %s was refused: there is no valid Trigger that takes requests%s",
            ascii(path[:MAX_PATH]),
            others,
        )
        self._next_at, self._without_line = now + LOG_SECONDS, 0
