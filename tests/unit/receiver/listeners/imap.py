"""A stub of an IMAP server over TLS, whose responses are set by the test."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.certificates import ServerCertificate, server_certificate

GREETING = b"* OK ready\r\n"
Replies = Callable[[bytes, bytes], bytes | None]
"""(tag, command) → the answer; None to answer as usual."""


def usual(tag: bytes, command: bytes) -> bytes:
    """The answers of a mailbox with one message, whose UID is 1."""
    word = command.split(b" ")[0].upper()
    untagged = {
        b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n",
        b"SELECT": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 5] valid\r\n* OK [UIDNEXT 2] next\r\n",
        b"EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 5] valid\r\n* OK [UIDNEXT 2] next\r\n",
    }.get(word, b"")
    if command.upper().startswith(b"UID SEARCH"):
        untagged = b"* SEARCH 1\r\n"
    return untagged + tag + b" OK done\r\n"


@asynccontextmanager
async def server(folder: Path, replies: Replies) -> AsyncIterator[tuple[int, ServerCertificate]]:
    """The port of a server, and its certificate."""
    files = server_certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(GREETING)
            while line := await reader.readline():
                tag, _, command = line.strip().partition(b" ")
                answer = replies(tag, command)
                writer.write(usual(tag, command) if answer is None else answer)
                await writer.drain()
        except (ConnectionError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield listening.sockets[0].getsockname()[1], files
    finally:
        listening.close()
