"""The event of a message: what an automation decides by, within the size that is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message as Header
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any

from orchestrator.engine.times import to_rfc3339
from orchestrator.triggers.mail.structure import Part, parts_of
from orchestrator.triggers.mail.text import MAX_VALUE, clip, decode_text, decode_value

# Together less than orchestrator.triggers.plan.MAX_EVENT_BYTES. All in bytes of JSON.
MAX_TEXT, MAX_HTML = 16 * 1024, 12 * 1024
MAX_SUBJECT, MAX_ID, MAX_NAME, MAX_ADDRESS = 1000, 500, 96, 254
MAX_HEADER, MAX_FILE_NAME = 500, 200
MAX_ADDRESSES, MAX_ATTACHMENTS = 20, 20
HEADERS = (
    "reply-to", "sender", "return-path", "delivered-to", "list-id", "in-reply-to", "references",
    "auto-submitted", "precedence", "importance", "x-priority", "authentication-results",
    "content-language", "x-mailer",
)  # fmt: skip
"""Header fields that an event keeps."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is read of a message, some of it cut."""

    uid: int
    received_at: float
    """When the server received it, in seconds since the epoch."""
    size: int
    """In bytes."""
    header: bytes
    """Its header, as transferred."""
    structure: Any = None
    """Its BODYSTRUCTURE; None if the server gives none."""
    bodies: Mapping[str, bytes] = field(default_factory=dict)
    """The beginnings of parts, as transferred, by section."""

    @property
    def parts(self) -> list[Part]:
        """Its parts."""
        return parts_of(self.structure)


def identity_of(message: Message) -> str:
    """What distinguishes this message from others: its Message-ID, or a hash of its header."""
    given = _raw_field(_parsed(message.header), "message-id").strip()
    digest = hashlib.sha256(message.header).hexdigest()
    if not given:
        return f"header:{digest}"
    if len(given) <= MAX_ID and given.isascii():
        return given
    return f"id:{hashlib.sha256(given.encode('utf-8', 'surrogateescape')).hexdigest()}"


def event_data(message: Message, text: Part | None, html: Part | None) -> dict[str, Any]:
    """The value of `event`, as the model of the type `email` describes it."""
    header = _parsed(message.header)
    plain, plain_cut = _body(message, text, MAX_TEXT)
    rich, rich_cut = _body(message, html, MAX_HTML)
    senders = _addresses(header, "from")
    return {
        "messageId": clip(decode_value(_raw_field(header, "message-id")), MAX_ID),
        "from": senders[0] if senders else {"name": "", "address": ""},
        "to": _addresses(header, "to"),
        "cc": _addresses(header, "cc"),
        "subject": clip(decode_value(_raw_field(header, "subject")), MAX_SUBJECT),
        "date": _date(_raw_field(header, "date")),
        "text": plain,
        "html": rich,
        "truncated": plain_cut or rich_cut,
        "attachments": _attachments(message.parts),
        "headers": _kept(header),
        "size": message.size,
        "receivedAt": to_rfc3339(message.received_at),
    }


def _parsed(header: bytes) -> Header:
    return BytesHeaderParser(policy=compat32).parsebytes(header)


def _raw_field(header: Header, name: str) -> str:
    """The value of a field, not decoded; empty if there is none."""
    for known, value in header.raw_items():
        if known.lower() == name:
            return str(value)[:MAX_VALUE]
    return ""


def _addresses(header: Header, name: str) -> list[dict[str, str]]:
    """The addresses of a field; what cannot be read as addresses is left out."""
    try:
        found = getaddresses([_raw_field(header, name)])
    except (ValueError, IndexError, TypeError, RecursionError):  # of nested comments
        return []
    return [
        {
            "name": clip(decode_value(shown), MAX_NAME),
            "address": clip(decode_value(address), MAX_ADDRESS),
        }
        for shown, address in found[:MAX_ADDRESSES]
        if address
    ]


def _date(text: str) -> str | None:
    try:
        return to_rfc3339(parsedate_to_datetime(text).timestamp())
    except (RecursionError, ValueError, TypeError, IndexError, OverflowError, OSError):
        return None


def _body(message: Message, part: Part | None, size: int) -> tuple[str, bool]:
    """The text of a part, and whether it is cut."""
    if part is None:
        return "", False
    data = message.bodies.get(part.section, b"")
    whole = decode_text(data, part.encoding, part.charset)
    text = clip(whole, size)
    return text, len(text) < len(whole) or len(data) < part.size


def _attachments(parts: list[Part]) -> list[dict[str, Any]]:
    return [
        {
            "name": clip(decode_value(part.filename), MAX_FILE_NAME),
            "contentType": clip(part.type, MAX_FILE_NAME),
            "size": part.size,
        }
        for part in parts
        if part.attached
    ][:MAX_ATTACHMENTS]


def _kept(header: Header) -> dict[str, str]:
    found = ((name, _raw_field(header, name)) for name in HEADERS)
    return {name: clip(decode_value(value), MAX_HEADER) for name, value in found if value}
