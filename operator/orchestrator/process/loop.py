"""The event loop of a process."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

import uvloop


class EventLoop(uvloop.Loop):
    """uvloop's event loop, which closes each socket once.

    If a connection is reset while it is being made, uvloop (0.23) closes the file descriptor and
    leaves its number in the Python socket that it was given. That socket closes the number again
    when it is collected: by then it may belong to another connection, for example a watch, which
    falls silent. Related faults: https://github.com/MagicStack/uvloop/issues/645 and 738.
    """

    async def create_connection(
        self,
        protocol_factory: Any,
        host: Any = None,
        port: Any = None,
        *,
        sock: socket.socket | None = None,
        **options: Any,
    ) -> tuple[Any, Any]:
        """As in asyncio; `sock` belongs to this loop from here on, whatever happens to it."""
        if sock is None:
            return await super().create_connection(protocol_factory, host, port, **options)
        own = socket.socket(sock.family, sock.type, sock.proto, sock.detach())
        try:
            made = await super().create_connection(protocol_factory, sock=own, **options)
        except BaseException:
            own.detach()  # the loop has the descriptor, and closes it
            raise
        transport, protocol = made
        if cast("asyncio.Transport", transport).is_closing():
            own.detach()
        return transport, protocol
