"""Follows logs for a reader over HTTP, as `orchestrator logs --follow` does."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from concurrent.futures import CancelledError

from orchestrator.kube.resources import Resource
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.errors import UsageError
from orchestrator.session.log_follow import Follower, Readers
from orchestrator.session.node_logs import Choice, prefix_of, selector_of

MAX_LINES = 256
"""Lines that wait for a slow reader; then the logs are read more slowly."""
MAX_READERS, MAX_READERS_OF_STREAM = 1024, 64
"""Logs that are read at a time, each by a thread, for all streams and for one."""
SILENCE_SECONDS = 30.0
"""Seconds after which the stream of a silent log is opened again."""


class _StoppedError(UsageError):
    """The reader has gone."""


class _Readers(Readers):
    """Those of a stream, of all that there are."""

    _all = threading.Semaphore(MAX_READERS)

    def taken(self) -> bool:
        if not super().taken():
            return False
        if self._all.acquire(blocking=False):
            return True
        super().give_back()
        return False

    def give_back(self) -> None:
        self._all.release()
        super().give_back()


class _Source:
    """The requests of a follower, until the reader has gone."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.stopped = False

    def get(self, kind: Resource, name: str) -> Raw:
        self._check()
        return self._cluster.get(kind, name)

    def list(self, kind: Resource, *, query: Mapping[str, str] | None = None) -> Raw:
        self._check()
        return self._cluster.list(kind, query=query)

    def path(self, kind: Resource, name: str = "", subresource: str = "") -> str:
        return self._cluster.path(kind, name, subresource)

    def text(self, path: str, query: Mapping[str, str], *, silence: float | None) -> Iterator[str]:
        for line in self._cluster.text(path, query, silence=silence or SILENCE_SECONDS):
            self._check()
            yield line

    def _check(self) -> None:
        if self.stopped:
            raise _StoppedError("the reader has gone")


async def follow(
    cluster: Cluster, execution: Raw, choice: Choice, shows: Callable[[str], bool]
) -> AsyncGenerator[bytes, None]:
    """The lines as they are written, until the execution and all its logs have ended."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue(MAX_LINES)
    source = _Source(cluster)

    def put(line: str | None) -> None:
        try:
            asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()
        except (CancelledError, RuntimeError) as error:
            raise _StoppedError("the reader has gone") from error

    def say(line: str) -> None:
        if source.stopped:
            raise _StoppedError("the reader has gone")
        if shows(line):
            put(line)

    def wanted(pod: Raw, state: Raw) -> str | None:
        records = (state.get("status") or {}).get("nodes") or {}
        return prefix_of(pod) if choice.takes_pod(pod, records) else None

    def run() -> None:
        follower = Follower(
            source,
            say,
            lambda _: None,
            wanted=wanted,
            reading=choice.reading,
            readers=_Readers(MAX_READERS_OF_STREAM),
        )
        with contextlib.suppress(_StoppedError):
            try:
                follower.follow(execution, selector_of(execution))
            except _StoppedError:
                raise
            except UsageError as error:
                put(f"(the logs cannot be followed: {error})")
            put(None)

    threading.Thread(target=run, name="follow logs", daemon=True).start()
    try:
        while (line := await lines.get()) is not None:
            yield f"{line}\n".encode()
    finally:
        source.stopped = True
        while not lines.empty():  # lets a waiting line through, after which its thread ends
            lines.get_nowait()
