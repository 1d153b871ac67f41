"""Long computations for the users of a process take turns: the callers of the API.

Python computes in one thread at a time: while thirty threads compute, every step of each other
request waits for all of them.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from orchestrator.session.cluster import Cluster
from orchestrator.session.errors import BusyError
from orchestrator.validation.size import is_large

AT_ONCE = 2
"""Long computations at a time."""
OF_CALLER = 4
"""Those of a caller that go on or wait for their turn, each in a thread; more are refused."""


class Turns:
    """Gives turns to the threads of callers."""

    def __init__(self, at_once: int = AT_ONCE, of_caller: int = OF_CALLER) -> None:
        self._turns = threading.Semaphore(at_once)
        self._of_caller = of_caller
        self._lock = threading.Lock()
        self._of: Counter[str] = Counter()

    @contextmanager
    def one(self, caller: str) -> Iterator[None]:
        """Wait for a turn, and have it in the block. Raises BusyError if the caller has too
        many."""
        with self._lock:
            if self._of[caller] >= self._of_caller:
                words = f"you have {self._of_caller} requests that take long, and no more at a time"
                raise BusyError(f"{words}; try again later")
            self._of[caller] += 1
        try:
            with self._turns:
                yield
        finally:
            with self._lock:
                self._of[caller] -= 1
                if not self._of[caller]:
                    del self._of[caller]


_TURNS = Turns()


def long_work(cluster: Cluster, *specs: Any) -> AbstractContextManager[None]:
    """A turn for the user of a cluster, if one of the specs is large. Raises BusyError."""
    return _TURNS.one(cluster.identity) if any(map(is_large, specs)) else nullcontext()
