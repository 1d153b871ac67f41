"""The event loop, where connections are reset while they are being made."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from orchestrator.process.loop import EventLoop

Address = tuple[str, int]
TIMES = 200
CONTEXT = ssl.create_default_context()


@pytest.fixture
def resetting() -> Iterator[Address]:
    """A server that takes connections and resets them at once."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            while True:
                taken, _ = server.accept()
                with taken:
                    if stopped.is_set():
                        return
                    taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        stopped = threading.Event()
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()
        stopped.set()
        socket.create_connection(server.getsockname()).close()
        thread.join()


def test_a_reset_connection_closes_no_other_one(resetting: Address) -> None:
    async def connect() -> bool:
        """Whether the connection was reset while it was being made, and not before."""
        loop = asyncio.get_running_loop()
        given = socket.socket()
        given.setblocking(False)
        try:
            await loop.sock_connect(given, resetting)
        except ConnectionError:
            given.close()
            return False
        with pytest.raises(ConnectionError):
            await loop.create_connection(
                asyncio.Protocol, sock=given, ssl=CONTEXT, server_hostname="x"
            )
        return True

    async def connect_often() -> int:
        reset = 0
        for _ in range(TIMES):
            reset += await connect()
            taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(4)]
            gc.collect(0)
            await asyncio.sleep(0)
            for number in taken:  # fails where somebody else has closed it
                os.close(number)
        return reset

    before = len(os.listdir("/proc/self/fd"))
    with asyncio.Runner(loop_factory=EventLoop) as runner:
        assert runner.run(connect_often()) > TIMES // 50
        runner.run(asyncio.sleep(0.1))
        assert len(os.listdir("/proc/self/fd")) <= before + 20, "descriptors are left open"
