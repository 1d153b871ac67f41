"""Merges the lines of several logs in the order in which they were written.

The lines of one log keep their order whatever their timestamps say; different logs are merged by
the kubelets' clocks.
"""

from __future__ import annotations

import heapq
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from orchestrator.engine.times import from_rfc3339

MAX_STREAMS = 100
"""Maximum number of logs that are read at the same time; the next one is opened when one has
ended."""
MAX_LINES = 256
"""Maximum number of lines of one log that wait for lines of others."""
HOLD_SECONDS = 0.5
"""Seconds that a line waits for an earlier line from a log that has been silent."""
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT[\d:]{8}(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ")


class Line(NamedTuple):
    """A line and its time of writing, in seconds since the epoch."""

    at: float
    text: str


def stamp_of(raw: str) -> str:
    """The timestamp at the beginning of a line; empty for a line that the kubelet itself wrote."""
    match = _STAMP.match(raw)
    return match[1] if match else ""


def read_line(raw: str, before: float, *, timestamps: bool) -> Line:
    """A line as the API server sends it with timestamps, which are kept if requested.

    A line without a timestamp gets `before`, the time of the previous one.
    """
    stamp = stamp_of(raw)
    if not stamp:
        return Line(before, raw)
    return Line(from_rfc3339(stamp), raw if timestamps else raw[len(stamp) + 1 :])


@dataclass(frozen=True)
class Log:
    """A complete log: none of its lines was written before it began."""

    begin: float
    open: Callable[[], Iterator[Line]]


def merged(logs: Sequence[Log]) -> Iterator[Line]:
    """The lines of all logs; each log is opened when its first line may be due."""
    waiting = deque(sorted(logs, key=lambda log: log.begin))
    heads: list[tuple[float, int, Line, Iterator[Line]]] = []
    order = count()

    def push(lines: Iterator[Line], number: int) -> None:
        if (line := next(lines, None)) is not None:
            heapq.heappush(heads, (line.at, number, line, lines))

    while heads or waiting:
        while waiting and len(heads) < MAX_STREAMS:
            if heads and waiting[0].begin > heads[0][0]:
                break
            push(waiting.popleft().open(), next(order))
        if heads:
            _, number, line, lines = heapq.heappop(heads)
            yield line
            push(lines, number)


@dataclass(slots=True)
class Queue:
    """Lines of one log that were read but not shown yet."""

    empty_since: float
    lines: deque[Line] = field(default_factory=deque)
    closed: bool = False


class Merger:
    """Merges lines that threads read, one queue for each log, and another thread shows.

    A line is shown once every other open log has a later one, or has been silent for a moment.
    """

    def __init__(
        self,
        show: Callable[[str], None],
        *,
        hold: float = HOLD_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._show = show
        self._hold = hold
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._queues: list[Queue] = []
        self._stopped = False

    def open(self) -> Queue:
        """A queue for another log."""
        with self._changed:
            queue = Queue(self._monotonic())
            self._queues.append(queue)
            return queue

    def stop(self) -> None:
        """Stop: no further lines are shown, and threads that wait for room continue."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def put(self, queue: Queue, line: Line) -> None:
        """Add a line, waiting for room."""
        with self._changed:
            self._changed.wait_for(lambda: len(queue.lines) < MAX_LINES or self._stopped)
            if self._stopped:
                return
            queue.lines.append(line)
            self._changed.notify_all()

    def close(self, queue: Queue) -> None:
        """Mark the log as ended."""
        with self._changed:
            queue.closed = True
            self._changed.notify_all()

    def show(self, seconds: float | None = None) -> None:
        """Show lines for `seconds`, or until all logs have ended."""
        until = None if seconds is None else self._monotonic() + seconds
        while True:
            with self._changed:
                line, wait = self._next()
                left = None if until is None else until - self._monotonic()
                if line is None:
                    if (not self._queues and until is None) or (left is not None and left <= 0):
                        return
                    self._changed.wait(min((one for one in (wait, left) if one), default=None))
                    continue
            self._show(line.text)
            if left is not None and left <= 0:
                return

    def _next(self) -> tuple[Line | None, float | None]:
        """The next line to show; if there is none, the seconds after which one may be due."""
        self._queues = [queue for queue in self._queues if queue.lines or not queue.closed]
        filled = [queue for queue in self._queues if queue.lines]
        if not filled:
            return None, None
        now = self._monotonic()
        wait = max(
            (each.empty_since + self._hold - now for each in self._queues if not each.lines),
            default=0.0,
        )
        if wait > 0 and all(len(queue.lines) < MAX_LINES for queue in filled):
            return None, wait
        queue = min(filled, key=lambda each: each.lines[0].at)
        line = queue.lines.popleft()
        if not queue.lines:
            queue.empty_since = now
        self._changed.notify_all()
        return line, None
