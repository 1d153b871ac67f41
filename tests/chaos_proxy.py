"""A TCP proxy between the operator and the API server that resets, delays and stalls connections.

It forwards bytes without parsing them: TLS passes through, and a watch is a connection like any
other, since the operator speaks HTTP/1.1.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

CHUNK = 65_536


@dataclass(eq=False)
class Connection:
    """A proxied connection."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    delay: float
    """Maximum seconds by which data from the server is delayed."""
    passing: asyncio.Event = field(default_factory=asyncio.Event)
    """While cleared, data of both sides is held back and the connection stays open."""

    def cut(self) -> None:
        """Reset both sides."""
        for side in (self.client, self.server):
            side.transport.abort()


class ChaosProxy:
    """A proxy to one server, with an event loop in a separate thread."""

    def __init__(self, server: str, *, slow: float = 0.0, latest: float = 2.0) -> None:
        """`server` is its URL; `slow` is the share of connections that are late by up to `latest`
        seconds, each piece of data separately."""
        address = urlsplit(server)
        assert address.hostname is not None
        assert address.port is not None
        self._server = (address.hostname, address.port)
        self._slow = slow
        self._latest = latest
        self._random = random.Random(1)
        self._loop = asyncio.new_event_loop()
        self._open: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.cuts = 0
        """Connections that were reset."""
        self.silences = 0
        """Connections that were stalled."""

    @contextmanager
    def running(self) -> Iterator[ChaosProxy]:
        """Serve until the context exits."""
        thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        thread.start()
        try:
            self._run(self._listen())
            yield self
        finally:
            self._run(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    @contextmanager
    def storm(self, pause: float, longest: float) -> Iterator[None]:
        """While the block runs: after every `pause` seconds one to three connections are cut, or
        fall silent for up to `longest` seconds, after which half of them are cut."""

        async def begin() -> asyncio.Task[None]:
            return asyncio.ensure_future(self._storm(pause, longest))

        async def end(storm: asyncio.Task[None]) -> None:
            storm.cancel()

        storm = self._run(begin())
        try:
            yield
        finally:
            self._run(end(storm))

    def kubeconfig(self, source: Path, target: Path) -> Path:
        """A copy of a kubeconfig with the address of the proxy."""
        config = yaml.safe_load(source.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.port}"
        target.write_text(yaml.safe_dump(config))
        return target

    def silence(self) -> None:
        """Stall all open connections in both directions without closing them."""

        async def silence() -> None:
            for connection in self._open:
                self._stall(connection)

        self._run(silence())

    def cut(self) -> None:
        """Reset all open connections."""

        async def cut() -> None:
            for connection in list(self._open):
                self._cut(connection)

        self._run(cut())

    async def _storm(self, pause: float, longest: float) -> None:
        while True:
            await asyncio.sleep(pause)
            passing = [each for each in self._open if each.passing.is_set()]
            count = min(self._random.randint(1, 3), len(passing))
            for connection in self._random.sample(passing, count):
                if self._random.random() < 0.7:
                    self._cut(connection)
                    continue
                self._stall(connection)
                after = self._cut if self._random.random() < 0.5 else _resume
                self._loop.call_later(self._random.uniform(0.0, longest), after, connection)

    def _cut(self, connection: Connection) -> None:
        self.cuts += 1
        connection.cut()

    def _stall(self, connection: Connection) -> None:
        self.silences += 1
        connection.passing.clear()

    def _run(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(30)

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._listener.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _handle(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            back, server = await asyncio.open_connection(*self._server)
        except OSError:
            client.transport.abort()
            self._tasks.discard(task)
            return
        late = self._random.random() < self._slow
        connection = Connection(client, server, self._latest if late else 0.0)
        connection.passing.set()
        self._open.add(connection)
        try:
            await _first_of(
                self._forward(connection, reader, server, 0.0),
                self._forward(connection, back, client, connection.delay),
            )
        finally:
            connection.cut()
            self._open.discard(connection)
            self._tasks.discard(task)

    async def _forward(
        self,
        connection: Connection,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        latest: float,
    ) -> None:
        while data := await source.read(CHUNK):
            if latest:
                await asyncio.sleep(self._random.uniform(0.0, latest))
            await connection.passing.wait()
            target.write(data)
            await target.drain()


def _resume(connection: Connection) -> None:
    connection.passing.set()


async def _first_of(*sides: Coroutine[Any, Any, None]) -> None:
    """Run both until one has ended."""
    tasks = [asyncio.ensure_future(side) for side in sides]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
