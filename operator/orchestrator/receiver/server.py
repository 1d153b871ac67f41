"""The HTTP server of the receiver: bounded connections, TLS with certificates that may change."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from orchestrator.process.certificate import Certificate, CertificateFiles
from orchestrator.receiver.limits import Limits

logger = logging.getLogger(__name__)

CHECK_SECONDS = 5.0
"""Seconds between two checks of the files of the certificate and of the clients' authority."""
HANDSHAKE_SECONDS = 5.0
GRACE_SECONDS = 20.0
"""Seconds that requests in flight get to finish when the receiver is stopped."""
LINGER_SECONDS = 2.0
"""Seconds for which the rest of a refused body is read and dropped: if the connection were closed
at once, the sender would not see the answer."""
BACKLOG = 1024

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the receiver listens, and its certificate; plain HTTP without one."""

    host: str
    port: int
    files: CertificateFiles | None = None
    client_ca: Path | None = None
    """The authority of client certificates, in PEM; none are asked for without one."""


class Server:
    """Listens until it is closed. Certificates are replaced by listening again: connections that
    are open keep theirs."""

    def __init__(self, address: Address, answer: Answer, limits: Limits) -> None:
        self._address = address
        self._limits = limits
        self._server = web.Server(
            answer,
            access_log=None,
            keepalive_timeout=limits.idle_seconds,
            auto_decompress=False,
            lingering_time=LINGER_SECONDS,
        )
        self._socket = _bound(address)
        self._stamp: object = None
        self._listening: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port on which it listens."""
        port: int = self._socket.getsockname()[1]
        return port

    async def listen(self) -> bool:
        """Listen with the current certificate; False if it is in use already. Raises OSError."""
        stamp = self._read_stamp()
        if self._listening is not None and stamp == self._stamp:
            return False
        context = self._context()
        before = self._listening
        self._listening = await asyncio.get_running_loop().create_server(
            self._protocol,
            sock=self._socket.dup(),
            ssl=context,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if context else None,
            backlog=BACKLOG,
        )
        self._stamp = stamp
        if before is not None:
            before.close()
        return True

    async def close(self) -> None:
        """Accept no more connections, and let requests in flight finish."""
        if self._listening is not None:
            self._listening.close()
        self._server.pre_shutdown()
        await self._server.shutdown(GRACE_SECONDS)
        self._socket.close()

    def _protocol(self) -> asyncio.BaseProtocol:
        if len(self._server.connections) >= self._limits.connections:
            return _Refused()
        return self._server()

    def _read_stamp(self) -> object:
        address = self._address
        if address.files is None:
            return None
        authority = address.client_ca.read_bytes() if address.client_ca is not None else b""
        return address.files.stamp(), authority

    def _context(self) -> ssl.SSLContext | None:
        address = self._address
        if address.files is None:
            return None
        context = Certificate(address.files).context
        if address.client_ca is not None:
            context.load_verify_locations(address.client_ca)
            context.verify_mode = ssl.CERT_OPTIONAL
        return context


@asynccontextmanager
async def serving(address: Address, answer: Answer, limits: Limits) -> AsyncIterator[Server]:
    """Serve for the duration of the context. Raises OSError for an unusable address or
    certificate."""
    server = Server(address, answer, limits)
    try:
        await server.listen()
        yield server
    finally:
        await server.close()


async def follow(server: Server) -> None:
    """Use each new certificate, until cancelled."""
    said = ""
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        try:
            if await server.listen():
                said = ""
                logger.info("the receiver has a new certificate")
        except OSError as error:
            if str(error) != said:
                said = str(error)
                logger.warning("the certificate is kept, the new one is not used: %s", said)


class _Refused(asyncio.Protocol):
    """A connection beyond the limit."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _bound(address: Address) -> socket.socket:
    """A socket at the address; without a host at every address, IPv4 and IPv6."""
    if address.host:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        return _created((address.host, address.port), family)
    if socket.has_dualstack_ipv6():
        try:
            return _created(("", address.port), socket.AF_INET6, dualstack=True)
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                raise
    return _created(("", address.port), socket.AF_INET)


def _created(
    where: tuple[str, int], family: socket.AddressFamily, *, dualstack: bool = False
) -> socket.socket:
    created = socket.create_server(where, family=family, backlog=BACKLOG, dualstack_ipv6=dualstack)
    created.setblocking(False)
    return created
