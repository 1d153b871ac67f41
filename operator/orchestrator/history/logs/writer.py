"""One log on its way into the store: what is read, and how far it is stored."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Awaitable, Callable

from orchestrator.history.database import UnavailableError
from orchestrator.history.logs.extent import Contents, Limit, Omitted
from orchestrator.history.logs.kept_log import LogIdentity, LogState, Outcome
from orchestrator.history.logs.lines import Position, Resumption, Splitter, moment_of
from orchestrator.history.logs.log_metrics import LogMetrics
from orchestrator.history.logs.log_store import LogStore
from orchestrator.process.backoff import Backoff

logger = logging.getLogger(__name__)

MAX_PENDING = 4
"""Complete chunks that wait to be stored; then the log is read no further."""
ROTATED = "(lines may be missing here: the kubelet rotated the log while it was not read)"


class NotALogError(Exception):
    """The kubelet answers with its own words instead of lines."""


class LogWriter:
    """Lines of a log are fed in; `run` stores them from time to time, `finish` the rest."""

    def __init__(
        self,
        store: LogStore,
        identity: LogIdentity,
        limit: Limit,
        metrics: LogMetrics,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self.identity = identity
        self._limit = limit
        self._metrics = metrics
        self._backoff = Backoff(sleep)
        self._state = LogState()
        self._contents = Contents(limit)
        self._position = Position()
        self._splitter, self._resumption = Splitter(), Resumption(Position())
        self._saving = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._stored = asyncio.Event()

    async def open(self) -> bool:
        """Go on from what is stored; whether there is anything left to do.

        Raises UnavailableError.
        """
        found = await self._store.reopen(self.identity.pod_uid)
        if found is not None:
            self._state, self._position = found.state, found.state.position.copy()
            omitted = copy.copy(found.state.omitted)
            self._contents = Contents.stored(self._limit, omitted, found.chunks, found.last)
        return self._state.outcome is Outcome.OPEN

    # Reading

    def begin(self) -> dict[str, str]:
        """Begin to read the answer to a request; its query."""
        self._splitter, self._resumption = Splitter(), Resumption(self._position)
        return self._position.query()

    def feed(self, part: bytes) -> None:
        """Take a part of the answer. Raises NotALogError."""
        self._metrics.read.inc(len(part))
        for line in self._splitter.feed(part):
            self._take(line)
        if self._contents.complete_chunks >= MAX_PENDING:
            self._wanted.set()

    def end(self) -> None:
        """The container wrote no more; its last line may lack a line feed. Raises NotALogError."""
        if line := self._splitter.rest():
            self._take(line)

    async def room(self) -> None:
        """Wait while too much is not stored yet."""
        while self._contents.complete_chunks >= MAX_PENDING:
            self._stored.clear()
            await self._stored.wait()

    @property
    def is_full(self) -> bool:
        """Whether more lines push out others."""
        return self._contents.is_full

    def _take(self, line: bytes) -> None:
        moment = moment_of(line)
        if moment is None:
            raise NotALogError(line.decode(errors="replace")[:300])
        if not self._resumption.is_new(moment):
            return
        if self._resumption.rotated:
            self._resumption.rotated = False
            self._contents.add(ROTATED.encode())
        self._contents.add(line)
        self._position.advance(moment)

    # Storing

    async def run(self) -> None:
        """Store what was read from time to time, until cancelled. Raises StaleError."""
        while True:
            try:
                async with asyncio.timeout(self._store.flush_seconds):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            self._wanted.clear()
            if self._position != self._state.position:
                await self._save()

    async def finish(
        self,
        writing: asyncio.Task[None],
        outcome: Outcome,
        reason: str,
        ended_at: int,
        failed: bool,
    ) -> None:
        """Store the rest, after which nothing follows. Raises StaleError."""
        async with self._saving:  # not in the middle of a write
            writing.cancel()
        self._state.outcome, self._state.reason = outcome, reason
        self._state.ended_at, self._state.failed = ended_at, failed
        await self._save()

    async def _save(self) -> None:
        async with self._saving:
            changes = self._contents.take()
            omitted = self._contents.omitted
            self._state.position = self._position.copy()
            self._state.omitted = Omitted(omitted.lines, omitted.size)
            while True:
                try:
                    size = await self._store.save(self.identity, self._state, changes)
                except UnavailableError as error:
                    self._metrics.failures.labels("store").inc()
                    logger.debug("a log is stored later: %s", error)
                    await self._backoff.pause()
                else:
                    break
            self._backoff.succeeded()
            self._metrics.stored.inc(size)
        self._stored.set()
