"""Connections of urllib3 that read whole responses, until a deadline.

The timeouts of urllib3 limit each read: a server that sends a byte now and then would put off the
end. And http.client takes headers that end in the middle for complete ones, and what follows for an
empty body.
"""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Callable
from typing import Any

Left = Callable[[], float | None]
"""Seconds until the deadline; None if there is none."""


def limit(manager: Any, left: Left) -> None:
    """Let the connections of a pool manager read responses until the deadline, and raise
    TimeoutError at it."""

    def response(sock: socket.socket, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
        limited: Any = _Limited(sock, left)
        return _Response(limited, *args, **kwargs)

    def with_limit(pool: Any) -> Any:
        connection = type(
            "Connection", (pool.ConnectionCls,), {"response_class": staticmethod(response)}
        )
        return type("Pool", (pool,), {"ConnectionCls": connection})

    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {name: with_limit(pool) for name, pool in pools.items()}


class _Response(http.client.HTTPResponse):
    """A response whose headers must be complete."""

    def begin(self) -> None:
        super().begin()
        # Nothing is read behind the empty line that ends the headers.
        if self.fp is not None and self.fp.raw.ended:  # type: ignore[attr-defined]
            self.close()
            raise http.client.RemoteDisconnected("the connection was closed within the headers")


class _Limited:
    """The part of a socket that a response uses."""

    def __init__(self, sock: socket.socket, left: Left) -> None:
        self._socket, self._left = sock, left

    def makefile(self, _mode: str) -> io.BufferedReader:
        return reader(self._socket, self._left)


def reader(sock: socket.socket, left: Left) -> io.BufferedReader:
    """The file of a socket, which raises TimeoutError at the deadline."""
    return io.BufferedReader(_Reader(sock, left))


class _Reader(io.RawIOBase):
    """Reads a socket until the deadline."""

    def __init__(self, sock: socket.socket, left: Left) -> None:
        self._socket, self._left, self._timeout = sock, left, sock.gettimeout()
        self._file = sock.makefile("rb", buffering=0)
        self.ended = False
        """Whether the connection was read to its end."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._left()
        if left is not None:
            if left <= 0:
                raise TimeoutError("timed out")
            self._socket.settimeout(left if self._timeout is None else min(left, self._timeout))
        count = self._file.readinto(buffer)
        self.ended = count == 0
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
