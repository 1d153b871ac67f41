"""`email`: a message arrives in a mailbox, which is read over IMAP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from orchestrator.engine.times import to_rfc3339
from orchestrator.models.base import (
    DATA_KEY_PATTERN,
    HOST_PATTERN,
    PRINTABLE_PATTERN,
    Duration,
    Json,
    Line,
    Model,
    ObjectName,
    Text,
    Timestamp,
)
from orchestrator.triggers.mail.message import (
    MAX_ADDRESSES,
    MAX_ATTACHMENTS,
    MAX_HTML,
    MAX_TEXT,
    Message,
    event_data,
    identity_of,
)
from orchestrator.triggers.mail.structure import Part, body_part
from orchestrator.triggers.polling import poll_problems
from orchestrator.triggers.schemes.scheme import SecretReference
from orchestrator.triggers.sources import Event, Listener, SecretKey
from orchestrator.triggers.trigger_type import TriggerType
from orchestrator.validation.problem import Problem

Host = Annotated[str, Field(pattern=HOST_PATTERN, max_length=253)]
Folder = Annotated[str, Field(pattern=PRINTABLE_PATTERN, min_length=1, max_length=256)]
DataKey = Annotated[str, Field(pattern=DATA_KEY_PATTERN, min_length=1, max_length=253)]


class Tls(StrEnum):
    """How a connection is encrypted; every one is."""

    IMPLICIT = "Implicit"
    START_TLS = "StartTLS"


class Login(Model):
    """The Secret with which the receiver logs in."""

    name: ObjectName
    """Name of the Secret."""
    username_key: DataKey = "username"
    """Key of the user name."""
    password_key: DataKey = "password"  # noqa: S105 - the name of a key
    """Key of the password."""


class Email(Model):
    """A mailbox. Messages that arrive after the Trigger was taken up are events."""

    host: Host
    """Name or address of the IMAP server, as in its certificate."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Port of the server; 993 if absent, or 143 with StartTLS."""
    tls: Tls = Tls.IMPLICIT
    """Implicit: TLS from the first byte. StartTLS: TLS before the login. Mail is never read over an
    unencrypted connection."""
    ca: SecretReference | None = None
    """The authority that signed the server's certificate, in PEM, if it is not a public one."""
    credentials: Login
    """The Secret with which the receiver logs in."""
    mailbox: Folder = "INBOX"
    """The mailbox, such as `INBOX` or `Alerts/Production`."""
    poll_interval: Duration = "1m"
    """Time between two searches for messages, at least 5s. A server with IDLE announces new
    messages at once, and searches are only the reserve."""
    mark_seen: bool = False
    """Whether a message is marked as seen once its execution is stored."""
    move_to: Folder | None = None
    """The mailbox that a message is moved to once its execution is stored; it must exist. Messages
    stay where they are if absent."""


class Address(Model):
    """An address in a message."""

    name: Line
    """The name beside the address; empty if there is none."""
    address: Line
    """The address, such as `alerts@example.com`."""


class Attachment(Model):
    """A file in a message."""

    name: Line
    """Its file name; empty if it has none."""
    content_type: Line
    """Its media type, such as `application/pdf`."""
    size: int
    """Its size in bytes, as transferred."""


class Mail(Model):
    """The event: a message."""

    message_id: Text
    """Its Message-ID; empty if it has none."""
    from_: Annotated[Address, Field(alias="from")]
    """Its first sender. Anyone can write any sender: see `event.headers` for what the server
    found out about it."""
    to: Annotated[list[Address], Field(max_length=MAX_ADDRESSES)]
    """Its recipients; 20 are kept."""
    cc: Annotated[list[Address], Field(max_length=MAX_ADDRESSES)]
    """Those who get a copy; 20 are kept."""
    subject: Text
    """Its subject; at most 1,000 bytes are kept."""
    date: Timestamp | None
    """When it was sent, as the sender says; null if that cannot be read."""
    text: Annotated[str, Field(max_length=MAX_TEXT)]
    """Its plain text; at most 16 KiB are kept. Empty if there is only HTML."""
    html: Annotated[str, Field(max_length=MAX_HTML)]
    """Its HTML; at most 12 KiB are kept. Empty if there is none."""
    truncated: bool
    """Whether text or html are cut."""
    attachments: Annotated[list[Attachment], Field(max_length=MAX_ATTACHMENTS)]
    """Its files, without their content; 20 are kept."""
    headers: dict[str, Json]
    """Further header fields by lower-case name, such as `event.headers['authentication-results']`
    or `event.headers['auto-submitted']`."""
    size: int
    """Its size in bytes."""
    received_at: Timestamp
    """When the server received it."""


def port_of(settings: Email) -> int:
    """The port of the server."""
    return settings.port or (993 if settings.tls is Tls.IMPLICIT else 143)


def bodies_of(parts: Sequence[Part]) -> list[Part]:
    """The parts whose text an event has: plain text and HTML, if there are any."""
    found = (body_part(parts, media_type) for media_type in ("text/plain", "text/html"))
    return [part for part in found if part is not None]


def event_of(message: Message, validity: int) -> Event:
    """The event of a message in a mailbox with this UIDVALIDITY."""
    parts = message.parts
    plain, rich = body_part(parts, "text/plain"), body_part(parts, "text/html")
    identity = identity_of(message)
    if identity.startswith("header:"):
        identity = f"{validity}/{message.uid}/{identity}"
    data = event_data(message, plain, rich)
    return Event(EMAIL.key, identity, data, message.received_at)


def secrets_of(settings: Email) -> list[SecretKey]:
    """User name, password, and the authority if there is one."""
    login = settings.credentials
    keys = [
        SecretKey(login.name, login.username_key),
        SecretKey(login.name, login.password_key),
    ]
    if settings.ca is not None:
        keys.append(SecretKey(settings.ca.name, settings.ca.key))
    return keys


def _problems(path: str, settings: Email) -> Iterator[Problem]:
    yield from poll_problems(path, settings.poll_interval)
    if settings.move_to == settings.mailbox:
        yield Problem(f"{path}.moveTo", "is the mailbox itself; name another, or leave it out")


def _sample(_settings: Email, at: float) -> dict[str, Any]:
    return {
        "messageId": "<sample@example.com>",
        "from": {"name": "Sample", "address": "alerts@example.com"},
        "to": [{"name": "", "address": "ops@example.com"}],
        "cc": [],
        "subject": "A sample",
        "date": to_rfc3339(at),
        "text": "a sample\n",
        "html": "",
        "truncated": False,
        "attachments": [],
        "headers": {},
        "size": 200,
        "receivedAt": to_rfc3339(at),
    }


EMAIL: TriggerType[Any] = TriggerType(
    key="email",
    starts="Starts when a message arrives in a mailbox, which is read over IMAP.",
    settings=Email,
    event=Mail,
    source=Listener(secrets=secrets_of),
    problems=_problems,
    sample=_sample,
)
