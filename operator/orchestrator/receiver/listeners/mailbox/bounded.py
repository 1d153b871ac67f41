"""IMAP connections on which a server cannot make the receiver hold more than it asked for."""

from __future__ import annotations

import imaplib
import ssl
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.imap4 import IMAP4WithTimeout
from imapclient.tls import IMAP4_TLS

CONNECT_SECONDS = 15.0
READ_SECONDS = 30.0
"""Seconds without a byte after which a connection counts as dead."""
LINE = 100
"""Bytes that the shortest line counts as: each costs time."""
SMALL = 1024 * 1024
"""Bytes that the answer to a command may have, in addition to the parts of messages it asks for."""


class _Bounded(imaplib.IMAP4):
    """Counts what is read against an allowance."""

    allowance = SMALL

    def read(self, size: int) -> bytes:
        self._spend(size)
        return super().read(size)

    def readline(self) -> bytes:
        try:
            line = super().readline()
        except self.error as error:  # a line that is too long: what follows is its middle
            raise self.abort(str(error)) from error
        self._spend(max(len(line), LINE))
        return line

    def _spend(self, size: int) -> None:
        self.allowance -= size
        if self.allowance < 0:
            raise self.abort("the server sends more than was asked for")


class _Tls(_Bounded, IMAP4_TLS):  # type: ignore[misc]
    pass


class _Plain(_Bounded, IMAP4WithTimeout):  # type: ignore[misc]
    pass


class BoundedClient(IMAPClient):  # type: ignore[misc]
    """An IMAPClient with bounded answers and timeouts."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, *, start_tls: bool) -> None:
        timeout = SocketTimeout(CONNECT_SECONDS, READ_SECONDS)
        super().__init__(
            host, port, ssl=not start_tls, ssl_context=None if start_tls else context,
            timeout=timeout,
        )  # fmt: skip
        self._imap.debug = 0  # IMAPClient's own log of every line costs more than the rest
        self.normalise_times = False
        if start_tls:
            self.starttls(context)

    def allow(self, size: int = 0) -> None:
        """Allow `size` additional bytes in the responses to the next command."""
        self._imap.allowance = SMALL + size

    def _create_IMAP4(self) -> Any:  # noqa: N802 - the name in IMAPClient
        connect = self._timeout.connect
        if self.ssl:
            secure: Any = _Tls
            return secure(self.host, self.port, self.ssl_context, connect)
        plain: Any = _Plain
        return plain(self.host, self.port, connect)
