"""Reads the log of one pod: follows it while the container runs, and reads the rest at its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto

import aiohttp

from orchestrator.history.logs.kept_log import Outcome
from orchestrator.history.logs.log_metrics import LogMetrics
from orchestrator.history.logs.slots import Slots
from orchestrator.history.logs.writer import LogWriter, NotALogError
from orchestrator.jobs.evidence import ACTION
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.models.plain_text import plain_text
from orchestrator.process.backoff import Backoff

logger = logging.getLogger(__name__)

SILENCE_SECONDS = 600.0
"""Seconds after which the stream of a silent log is opened again."""
READ_SECONDS = 60.0
"""Maximum silence while the log of an ended container is read."""
STREAM_END_SECONDS = 10.0
"""Seconds after the end of a container, in which its stream must end."""
STATUS_SECONDS = 2.0
"""Seconds that the status of a container is waited for once its stream has ended."""
GIVE_UP_SECONDS = 3600.0
"""Seconds after which the log of an ended container is given up, if its node does not answer."""
FULL_RATE = 4 * 1024 * 1024
"""Bytes a second that are read of a log whose new lines push out others."""
_LOST = (aiohttp.ClientError, TimeoutError, OSError)


class ReadResult(Enum):
    """The result of a request for a log."""

    WHOLE = auto()
    """All lines up to its end."""
    BROKEN = auto()
    """It was interrupted, or there is none yet; retried."""
    FORBIDDEN = auto()
    """The right to read logs is missing, which someone may grant."""
    NONE = auto()
    """The container has no log."""
    GONE = auto()
    """The pod is gone."""


@dataclass(slots=True)
class WatchedPod:
    """A pod as the watch shows it."""

    uid: str
    namespace: str
    name: str
    execution_uid: str
    failed: bool = False
    """Whether its action failed."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether its action has ended, or the pod is gone."""

    @property
    def execution(self) -> tuple[str, str]:
        """Namespace and uid of the execution that its label names."""
        return self.namespace, self.execution_uid


@dataclass(frozen=True, slots=True)
class ReaderSources:
    """The dependencies that the readers of all pods share."""

    client: ApiClient
    follows: Slots
    reads: asyncio.Semaphore
    metrics: LogMetrics
    sleep: Callable[[float], Awaitable[None]]
    clock: Callable[[], float]
    monotonic: Callable[[], float]


class PodLogReader:
    """Reads one log into its writer. Raises StaleError if another recorder does too."""

    def __init__(self, sources: ReaderSources, pod: WatchedPod, writer: LogWriter) -> None:
        self._sources = sources
        self._pod = pod
        self._writer = writer
        self._backoff = Backoff(sources.sleep)
        self._failing_since: float | None = None
        self._followed_to_its_end = False
        self._problem = ""
        """Why the last request failed."""
        self.refusal = ""
        """Why logs may not be read; empty if they may."""

    async def run(self) -> None:
        """Keep the log, whatever comes of it."""
        writing = asyncio.create_task(self._writer.run())
        reading = asyncio.create_task(self._read_all())
        try:
            await asyncio.wait({writing, reading}, return_when=asyncio.FIRST_COMPLETED)
            if writing.done():
                await writing  # it failed
            outcome, reason = await reading
            ended_at = round(self._sources.clock() * 1000)
            await self._writer.finish(writing, outcome, reason, ended_at, self._pod.failed)
        finally:
            reading.cancel()
            writing.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)
        self._sources.metrics.kept.labels(outcome.value).inc()

    async def _read_all(self) -> tuple[Outcome, str]:
        while True:
            ended = self._pod.ended.is_set()  # before it is read
            answer = await self._read(follow=not ended)
            if answer is ReadResult.WHOLE and ended:
                return Outcome.COMPLETE, ""
            if answer is ReadResult.GONE:
                if self._followed_to_its_end:
                    return Outcome.COMPLETE, ""
                return Outcome.CUT, "its pod was deleted before its log was read to the end"
            if answer is ReadResult.NONE and ended:
                return Outcome.CUT, self._problem
            if answer is ReadResult.WHOLE:
                await self._soon_ended()
            elif self._gives_up(ended, answer):
                return Outcome.CUT, f"its log could not be read: {self._problem}"
            else:
                await self._backoff.pause()

    async def _read(self, *, follow: bool) -> ReadResult:
        """Read what there is, or follow until the end of the container."""
        if not follow:
            async with self._sources.reads:
                return await self._answer({}, READ_SECONDS)
        if not await self._sources.follows.acquired(self._pod.ended):
            return ReadResult.WHOLE  # it has ended meanwhile
        try:
            answer = await self._answer({"follow": "true"}, SILENCE_SECONDS)
        finally:
            self._sources.follows.release()
        self._followed_to_its_end = answer is ReadResult.WHOLE
        return answer

    async def _answer(self, query: dict[str, str], silence: float) -> ReadResult:
        try:
            async with self._bounded(query):
                await self._feed(query, silence)
        except ApiError as error:
            self._problem = plain_text(error.message)[:300]
            answer = _result_of(error)
            self.refusal = self._problem if answer is ReadResult.FORBIDDEN else ""
        except NotALogError as error:
            self._problem, answer = plain_text(str(error)), ReadResult.BROKEN
        except _LOST as error:
            self._problem, answer = str(error) or type(error).__name__, ReadResult.BROKEN
        else:
            self._problem, self._failing_since, self.refusal = "", None, ""
            self._backoff.succeeded()
            return ReadResult.WHOLE
        if self._failing_since is None:
            self._failing_since = self._sources.monotonic()
        if answer is not ReadResult.GONE:
            self._sources.metrics.failures.labels("read").inc()
        return answer

    async def _feed(self, query: dict[str, str], silence: float) -> None:
        writer, pod = self._writer, self._pod
        asked = {"container": ACTION, "timestamps": "true", **writer.begin(), **query}
        stream = self._sources.client.log(pod.namespace, pod.name, asked, silence=silence)
        async with aclosing(stream) as parts:
            async for part in parts:
                writer.feed(part)
                await writer.room()
                if writer.is_full:
                    await asyncio.sleep(len(part) / FULL_RATE)
        if "follow" not in query:
            writer.end()

    @asynccontextmanager
    async def _bounded(self, query: dict[str, str]) -> AsyncIterator[None]:
        """A follow ends soon after its container, whatever the connection does."""
        if "follow" not in query:
            yield
            return
        async with asyncio.timeout(None) as limit:
            ending = asyncio.create_task(self._end(limit))
            try:
                yield
            finally:
                ending.cancel()

    async def _end(self, limit: asyncio.Timeout) -> None:
        await self._pod.ended.wait()
        limit.reschedule(asyncio.get_running_loop().time() + STREAM_END_SECONDS)

    async def _soon_ended(self) -> None:
        """The stream has ended: wait a moment for the status that says why."""
        try:
            async with asyncio.timeout(STATUS_SECONDS):
                await self._pod.ended.wait()
        except TimeoutError:
            pass

    def _gives_up(self, ended: bool, answer: ReadResult) -> bool:
        if not ended or answer is ReadResult.FORBIDDEN or self._failing_since is None:
            return False
        return self._sources.monotonic() - self._failing_since >= GIVE_UP_SECONDS


def _result_of(error: ApiError) -> ReadResult:
    match error.status:
        case 404:
            return ReadResult.GONE
        case 400 | 422:
            return ReadResult.NONE
        case 401 | 403:
            return ReadResult.FORBIDDEN
    return ReadResult.BROKEN
