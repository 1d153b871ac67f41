"""A TCP proxy that injects a fault at a chosen point: a reset, a stall, a slow drip or corruption.

The connections of one attempt of an action to its server are divided into turns: a request and its
response. The turns of an attempt without a fault are counted first; the fault is then injected at
the same turn. From then on the network stays broken, for later connections too.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Self
from weakref import WeakSet

CHUNK = 65_536
SETTLED_SECONDS = 0.02
"""Seconds without data after which a response counts as complete."""
LAST_SECONDS = 5.0
"""Maximum seconds for the rest of a response once the client sends nothing more."""
DRIP_SECONDS = 0.5
"""Seconds between two bytes of a dripping response."""
MIN_TURN = 32
"""Bytes of the shortest turn that counts: the end of TLS is shorter."""
TLS_HANDSHAKE = b"\x16"
"""First byte of a connection that is TLS from its beginning (RFC 8446, 5.1)."""
MIN_TLS_ANSWER = 600
"""Bytes of the shortest answer in TLS that ends a turn: the server's tickets for other sessions are
shorter, and come at any time."""


class Fault(StrEnum):
    """The fault to inject."""

    NONE = "none"
    REFUSED = "cut at connect"
    CUT_REQUEST = "cut in the request"
    CUT_ANSWER = "cut in the answer"
    HELD = "delayed"
    DRIPPING = "dripping"
    CORRUPT_HEAD = "corrupt head"
    CORRUPT_BODY = "corrupt body"


@dataclass
class Listener:
    """A listener for the connections of one attempt to its server."""

    server: tuple[str, int]
    fault: Fault = Fault.NONE
    strikes_at: int = 0
    """The turn of the client at which the fault strikes, or at whose answer; the first is 1."""
    port: int = 0
    turns: int = 0
    """Of the client, so far."""
    broken: bool = False
    """Whether the fault has struck."""
    _tls: bool = field(default=False, repr=False)
    _answer: int = field(default=-1, repr=False)
    """Bytes of the answer to the current turn; -1 before the first turn."""

    def sent(self, data: bytes) -> None:
        """Count what the client sends."""
        if self._answer < 0:
            self._tls = data[:1] == TLS_HANDSHAKE
        shortest = MIN_TLS_ANSWER if self._tls else 1
        if len(data) >= MIN_TURN and (self._answer < 0 or self._answer >= shortest):
            self.turns += 1
            self._answer = 0

    def answered(self, data: bytes) -> None:
        """Count what the server sends."""
        if self._answer >= 0:
            self._answer += len(data)

    def heal(self) -> None:
        """Remove the fault."""
        self.fault, self.broken = Fault.NONE, False

    @property
    def strikes(self) -> bool:
        """Whether the fault strikes in this turn."""
        return self.broken or self.turns >= self.strikes_at


class FaultProxy:
    """Listeners on localhost, served by an event loop in a separate thread."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy")
        self._thread.start()
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._transports: WeakSet[asyncio.WriteTransport] = WeakSet()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _at: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def listen(
        self, host: str, port: int, fault: Fault = Fault.NONE, strikes_at: int = 0
    ) -> Listener:
        """A listener that forwards to this server."""
        listener = Listener((host, port), fault, strikes_at)
        listener.port = asyncio.run_coroutine_threadsafe(self._listen(listener), self._loop).result(
            30
        )
        return listener

    async def _listen(self, listener: Listener) -> int:
        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await _carry(listener, reader, writer, self._transports.add)
            finally:
                self._tasks.discard(task)

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for transport in list(self._transports):
            transport.abort()  # also what still has data to send
        await asyncio.sleep(0)  # the loop closes their sockets


async def _carry(
    listener: Listener,
    reader: asyncio.StreamReader,
    client: asyncio.StreamWriter,
    opened: Callable[[asyncio.WriteTransport], None],
) -> None:
    """Forward one connection until a side or the fault closes it; `opened` receives its
    transports."""
    opened(client.transport)
    if listener.fault is Fault.REFUSED:
        listener.broken = True
        client.transport.abort()
        return
    try:
        back, server = await asyncio.open_connection(*listener.server)
    except OSError:
        client.transport.abort()
        return
    opened(server.transport)
    ways = [
        asyncio.ensure_future(_requests(listener, reader, server)),
        asyncio.ensure_future(_answers(listener, back, client)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        if not listener.broken and not ways[1].done():  # the rest of the answer
            await asyncio.wait(ways[1:], timeout=LAST_SECONDS)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for side in (client, server):
            if listener.broken:
                side.transport.abort()
            else:
                side.close()


async def _requests(
    listener: Listener, source: asyncio.StreamReader, target: asyncio.StreamWriter
) -> None:
    with suppress(OSError):
        while data := await source.read(CHUNK):
            listener.sent(data)
            if listener.fault is Fault.CUT_REQUEST and listener.strikes:
                target.write(data[: len(data) // 2])
                await target.drain()
                listener.broken = True
                return
            target.write(data)
            await target.drain()


async def _answers(
    listener: Listener, source: asyncio.StreamReader, target: asyncio.StreamWriter
) -> None:
    with suppress(OSError):
        while data := await source.read(CHUNK):
            listener.answered(data)
            if listener.fault in (Fault.NONE, Fault.CUT_REQUEST) or not listener.strikes:
                target.write(data)
                await target.drain()
                continue
            listener.broken = True
            data += await _rest(source)
            match listener.fault:
                case Fault.CUT_ANSWER:
                    target.write(data[: len(data) // 2])
                    await target.drain()
                    return
                case Fault.HELD:
                    await asyncio.Event().wait()
                case Fault.DRIPPING:
                    for position in range(len(data)):
                        target.write(data[position : position + 1])
                        await target.drain()
                        await asyncio.sleep(DRIP_SECONDS)
                case _:
                    target.write(_corrupted(data, head=listener.fault is Fault.CORRUPT_HEAD))
                    await target.drain()


async def _rest(source: asyncio.StreamReader) -> bytes:
    """The data that follows immediately."""
    rest = b""
    with suppress(TimeoutError):
        while data := await asyncio.wait_for(source.read(CHUNK), SETTLED_SECONDS):
            rest += data
    return rest


def _corrupted(data: bytes, *, head: bool) -> bytes:
    """The data with an eighth of its bytes changed, at its beginning or at its end."""
    count = max(1, len(data) // 8)
    begin = 0 if head else len(data) - count
    wrong = bytes(byte ^ 0xA5 for byte in data[begin : begin + count])
    return data[:begin] + wrong + data[begin + count :]
