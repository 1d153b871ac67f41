"""Mailboxes of servers that answer wrongly, slowly or too much."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orchestrator.receiver.listeners.blocking import BlockingThread, BusyError
from orchestrator.receiver.listeners.errors import LoginError, SourceError
from orchestrator.receiver.listeners.mailbox.connection import Mailbox, UnreadableError
from orchestrator.triggers.types.email import Email
from tests.unit.receiver.listeners.imap import Replies, server


async def with_mailbox(
    folder: Path, replies: Replies, work: Callable[[Mailbox], Any], *, ca: bool = True
) -> Any:
    """What the work with a mailbox of such a server gives."""
    async with server(folder, replies) as (port, files):
        settings = Email.model_validate(
            {"host": "127.0.0.1", "port": port, "credentials": {"name": "s"}}
        )
        authority = files.authority.read_bytes() if ca else None
        mailbox = Mailbox(settings, b"alice", b"secret", authority)
        try:
            return await asyncio.to_thread(work, mailbox)
        finally:
            await asyncio.to_thread(mailbox.close)


def reply(beginning: bytes, answer: bytes) -> Replies:
    """Answers commands that begin so; `TAG` in the answer is theirs."""

    def replies(tag: bytes, command: bytes) -> bytes | None:
        matches = command.upper().startswith(beginning)
        return answer.replace(b"TAG", tag) if matches else None

    return replies


async def test_a_mailbox_is_selected(tmp_path: Path) -> None:
    selected = await with_mailbox(tmp_path, lambda *_: None, Mailbox.open)
    assert (selected.validity, selected.last, selected.idles) == (5, 1, False)


@pytest.mark.parametrize(
    ("replies", "message", "kind"),
    [
        (reply(b"LOGIN", b"TAG NO [AUTHENTICATIONFAILED] no\r\n"), "refuses the login", LoginError),
        (reply(b"EXAMINE", b"TAG NO no such mailbox\r\n"), "mailbox INBOX: .*no such", SourceError),
        (reply(b"EXAMINE", b"TAG OK done\r\n"), "gives no UIDVALIDITY", SourceError),
        (reply(b"LOGIN", b"* BYE overloaded\r\n"), "overloaded", SourceError),
        (reply(b"LOGIN", b"\x00\xff nonsense\r\n"), "127.0.0.1", SourceError),
    ],
)
async def test_a_refusal_says_what_is_wrong(
    tmp_path: Path, replies: Replies, message: str, kind: type[SourceError]
) -> None:
    with pytest.raises(kind, match=message):
        await with_mailbox(tmp_path, replies, Mailbox.open)


async def test_an_unknown_authority_is_not_trusted(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"the certificate of .*name its authority in `ca`"):
        await with_mailbox(tmp_path, lambda *_: None, Mailbox.open, ca=False)


@pytest.mark.parametrize(
    "flood",
    [
        b"* 1 FETCH (UID 1 BODY[HEADER]<0> {4000000000}\r\n",
        b"* SEARCH 1\r\n" * 400_000,
        b"x" * 5_000_000,
    ],
)
async def test_a_server_cannot_send_more_than_was_asked_for(tmp_path: Path, flood: bytes) -> None:
    def work(mailbox: Mailbox) -> None:
        mailbox.open()
        mailbox.messages([1])

    tracemalloc.start()
    try:
        with pytest.raises(SourceError):
            await with_mailbox(tmp_path, reply(b"UID FETCH", flood), work)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "answer",
    [
        b"TAG NO not today\r\n",
        b"* 1 FETCH (UID 1 BODYSTRUCTURE " + b"(" * 3000 + b")\r\nTAG OK done\r\n",
        b"* 1 FETCH (UID\r\nTAG OK done\r\n",
    ],
)
async def test_a_message_that_cannot_be_read_leaves_the_connection_usable(
    tmp_path: Path, answer: bytes
) -> None:
    def work(mailbox: Mailbox) -> int:
        mailbox.open()
        with pytest.raises(UnreadableError):
            mailbox.messages([1])
        return mailbox.last()

    assert await with_mailbox(tmp_path, reply(b"UID FETCH", answer), work) == 1


async def test_a_message_that_is_gone_is_left_out(tmp_path: Path) -> None:
    def work(mailbox: Mailbox) -> Any:
        mailbox.open()
        return mailbox.messages([1])

    assert await with_mailbox(tmp_path, reply(b"UID FETCH", b"TAG OK done\r\n"), work) == []


async def test_a_server_that_falls_silent_is_given_up(tmp_path: Path) -> None:
    thread = BlockingThread("mailbox")
    async with server(tmp_path, reply(b"NOOP", b"")) as (port, files):
        settings = Email.model_validate(
            {"host": "127.0.0.1", "port": port, "credentials": {"name": "s"}}
        )
        mailbox = Mailbox(settings, b"alice", b"secret", files.authority.read_bytes())
        await thread.run(mailbox.open, 30)
        with pytest.raises(TimeoutError):
            await thread.run(mailbox.check, 0.2)
        with pytest.raises(BusyError):
            await thread.run(mailbox.check, 0.2)
        mailbox.abort()
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        thread.close(partial(loop.call_soon_threadsafe, ended.set))
        await asyncio.wait_for(ended.wait(), 20)
        mailbox.close()
