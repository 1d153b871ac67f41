"""Messages as an IMAP server returns them."""

from __future__ import annotations

from typing import Any

from orchestrator.triggers.mail.message import Message

HEADER = (
    b"From: =?utf-8?q?Ana_M=C3=BCller?= <ana@example.com>\r\n"
    b"To: alice@example.com, Bob <bob@example.com>\r\n"
    b"Cc: list@example.com\r\n"
    b"Subject: =?iso-8859-1?q?gr=FC=DFe?= and\r\n more\r\n"
    b"Date: Sat, 31 Jan 2026 13:00:00 +0100\r\n"
    b"Message-ID: <1@example.com>\r\n"
    b"Auto-Submitted: no\r\n\r\n"
)


def text_part(
    subtype: bytes = b"plain", charset: bytes = b"utf-8", encoding: bytes = b"8bit", size: int = 0
) -> tuple[Any, ...]:
    """The structure of a text."""
    parameters = (b"charset", charset)
    return (b"text", subtype, parameters, None, None, encoding, size, 1, None, None, None, None)


ATTACHMENT = (
    b"application", b"pdf", (b"name", b"report.pdf"), None, None, b"base64", 4000, None,
    (b"attachment", (b"filename", b"report.pdf")), None, None,
)  # fmt: skip
STRUCTURE = (
    [
        ([text_part(size=5), text_part(b"html", size=12)], b"alternative"),
        ATTACHMENT,
    ],
    b"mixed",
)
WITH_FILES = Message(
    uid=7,
    received_at=1769860800.0,
    size=5000,
    header=HEADER,
    structure=STRUCTURE,
    bodies={"1.1": b"hello", "1.2": b"<b>hello</b>"},
)
