"""Where pure work runs: in the caller, or where a process moves long work to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class Inline:
    """Runs all work immediately in the caller, for a process with nothing else on its loop."""

    async def run(self, work: Callable[[], Result], *, long: bool = False) -> Result:
        """The result of the work."""
        del long
        return work()

    def stop(self) -> None:
        """Nothing to stop."""
