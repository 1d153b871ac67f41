"""A mailbox over a connection: blocking calls, one after the other, for a thread of its own."""

from __future__ import annotations

import imaplib
import logging
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError, ProtocolError

from orchestrator.receiver.listeners import errors
from orchestrator.receiver.listeners.errors import SourceError
from orchestrator.receiver.listeners.mailbox.bounded import BoundedClient
from orchestrator.triggers.mail.message import Message
from orchestrator.triggers.mail.structure import Part, parts_of
from orchestrator.triggers.types.email import Email, Tls, bodies_of, port_of

logging.getLogger("imapclient").setLevel(logging.WARNING)  # it logs what it reads at debug

HEADER_BYTES = 64 * 1024
"""Bytes of a message's header that are read."""
BODY_BYTES = 64 * 1024
"""Bytes of each text that are read, as transferred."""
FIRST_WINDOW = 5000
"""UIDs that a search covers; the window grows where there are none."""
_META = ("INTERNALDATE", "RFC822.SIZE", f"BODY.PEEK[HEADER]<0.{HEADER_BYTES}>")
_SEEN = rb"\Seen"
Result = TypeVar("Result")


class UnreadableError(Exception):
    """The server, or the library, cannot give what was asked about a message."""


@dataclass(frozen=True, slots=True)
class Selected:
    """A mailbox when it was selected."""

    validity: int
    """Its UIDVALIDITY: UIDs of another are not comparable."""
    last: int
    """The highest UID that a message can have."""
    idles: bool
    """Whether the server announces new messages (IDLE)."""


class Mailbox:
    """A mailbox of a server. Raises SourceError when the server can no longer be used."""

    def __init__(self, settings: Email, username: bytes, password: bytes, ca: bytes | None) -> None:
        self._settings = settings
        self._username = _text(username, "user name")
        self._password = _text(password, "password")
        self._ca = ca
        self._client: BoundedClient | None = None

    def open(self) -> Selected:
        """Connect, log in and select the mailbox."""
        settings = self._settings
        with self._failing():
            self._client = client = BoundedClient(
                settings.host,
                port_of(settings),
                self._context(),
                start_tls=settings.tls is Tls.START_TLS,
            )
            self._log_in(client)
            read_only = not settings.mark_seen and settings.move_to is None
            try:
                found = client.select_folder(settings.mailbox, readonly=read_only)
            except IMAPClientAbortError:
                raise
            except IMAPClientError as error:
                raise SourceError(f"mailbox {settings.mailbox}: {_plain(error)}") from error
            idles = client.has_capability("IDLE")
        validity, following = found.get(b"UIDVALIDITY"), found.get(b"UIDNEXT")
        if not isinstance(validity, int):
            raise SourceError(f"{self._where}: the server gives no UIDVALIDITY")
        last = following - 1 if isinstance(following, int) else self.last()
        return Selected(validity, last, idles)

    def last(self) -> int:
        """The highest UID of a message; 0 if there is none."""
        return max(self._search(["UID", "*"]), default=0)

    def received_last(self) -> float | None:
        """When the last message was received; None if there is none."""
        last = self.last()
        found = self._fetch([last], ["INTERNALDATE"]) if last else {}
        return max((_moment(each) for each in found.values()), default=None)

    def uids(self, after: int, last: int) -> Iterator[list[int]]:
        """The UIDs of messages after one and until another, ascending, some at a time."""
        width = FIRST_WINDOW
        while after < last:
            until = min(after + width, last)
            found = self._search(["UID", f"{after + 1}:{until}"])
            uids = sorted(uid for uid in found if after < uid <= until)
            width = FIRST_WINDOW if uids else width * 2
            after = until
            if uids:
                yield uids

    def since(self, day: date) -> list[int]:
        """The UIDs of the messages that were received on a day or later."""
        return sorted(self._search(["SINCE", day]))

    def messages(self, uids: Sequence[int]) -> list[Message]:
        """These messages, with the beginnings of their texts; without those that are gone.

        Raises UnreadableError if one of them cannot be read.
        """
        items = [*_META, "BODYSTRUCTURE"]
        found = self._fetch(uids, items, len(uids) * 2 * HEADER_BYTES)
        return [self._with_bodies(uid, found[uid]) for uid in sorted(found) if uid in set(uids)]

    def header_only(self, uid: int) -> list[Message]:
        """A message without its structure. Raises UnreadableError."""
        found = self._fetch([uid], _META, 2 * HEADER_BYTES)
        return [_message(uid, found[uid], {})] if uid in found else []

    def finish(self, uids: Sequence[int]) -> None:
        """What the trigger asks for once executions are stored. Raises UnreadableError if the
        server refuses it."""
        settings = self._settings
        if settings.mark_seen:
            self._call(lambda client: client.add_flags(uids, [_SEEN], silent=True))
        if settings.move_to is not None:
            target = settings.move_to
            self._call(lambda client: _move(client, uids, target))

    def wait(self, seconds: float) -> bool:
        """Wait for a message, with IDLE; whether the server announced something."""
        with self._failing():
            client = self._ready()
            client.idle()
            announced = client.idle_check(timeout=seconds)
            _, rest = client.idle_done()
        return bool(announced or rest)

    def check(self) -> None:
        """Ask the server whether the connection still works."""
        try:
            self._call(lambda client: client.noop())
        except UnreadableError as error:
            raise SourceError(f"{self._where}: {error}") from error

    def abort(self) -> None:
        """End the connection at once, from any thread: a call that waits for the server fails."""
        client = self._client
        if client is None:
            return
        with suppress(Exception):
            raw = client.socket()
            # The system's call: a TLS socket's own would wait for a call under way.
            socket.socket.shutdown(raw, socket.SHUT_RDWR)

    def close(self) -> None:
        """Log out; the connection ends in any case."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.allow()
                client.logout()
            with suppress(Exception):
                client.shutdown()

    def _log_in(self, client: BoundedClient) -> None:
        if self._username.isascii() and self._password.isascii():
            client.login(self._username, self._password)
        else:  # LOGIN takes ASCII only
            client.plain_login(self._username, self._password)

    @property
    def _where(self) -> str:
        return f"{self._settings.host}:{port_of(self._settings)}"

    def _with_bodies(self, uid: int, data: Mapping[bytes, Any]) -> Message:
        parts: list[Part] = bodies_of(parts_of(data.get(b"BODYSTRUCTURE")))
        if not parts:
            return _message(uid, data, {})
        items = [f"BODY.PEEK[{part.section}]<0.{BODY_BYTES}>" for part in parts]
        found = self._fetch([uid], items, len(parts) * BODY_BYTES).get(uid, {})
        keys = {part.section: f"BODY[{part.section}]<0>".encode() for part in parts}
        return _message(uid, data, {name: found.get(key) or b"" for name, key in keys.items()})

    def _fetch(
        self, uids: Sequence[int], items: Sequence[str], size: int = 0
    ) -> Mapping[int, Mapping[bytes, Any]]:
        def fetch(client: BoundedClient) -> Any:
            return client.fetch(uids, items)

        found: Mapping[int, Mapping[bytes, Any]] = self._call(fetch, size)
        return found

    def _search(self, criteria: Sequence[Any]) -> list[int]:
        try:
            found: list[int] = list(self._call(lambda client: client.search(criteria)))
        except UnreadableError as error:
            raise SourceError(f"{self._where} refuses a search: {error}") from error
        return found

    def _call(self, command: Callable[[BoundedClient], Result], size: int = 0) -> Result:
        """Run a command. A refusal, or an answer that cannot be read, is an UnreadableError: the
        connection still works then."""
        with self._failing():
            client = self._ready(size)
            try:
                return command(client)
            except (IMAPClientAbortError, OSError):
                raise
            except (IMAPClientError, RecursionError, ValueError, TypeError, IndexError) as error:
                raise UnreadableError(_plain(error)) from error

    def _ready(self, size: int = 0) -> BoundedClient:
        if self._client is None:
            raise SourceError(f"{self._where}: the connection is closed")
        self._client.allow(size)
        return self._client

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(
                cadata=None if self._ca is None else self._ca.decode("ascii")
            )
        except (ssl.SSLError, ValueError) as error:
            raise SourceError(f"the authority in `ca` is no PEM certificate: {error}") from error

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Say what is wrong with the server."""
        where = self._where
        try:
            yield
        except LoginError as error:
            if isinstance(error.__context__, IMAPClientAbortError):
                raise SourceError(f"{where}: {_plain(error)}") from error
            raise errors.LoginError(f"{where} refuses the login: {_plain(error)}") from error
        except ssl.SSLCertVerificationError as error:
            message = error.verify_message or str(error)
            hint = "" if self._ca else "; name its authority in `ca` if it is a private one"
            raise SourceError(f"the certificate of {where}: {message}{hint}") from error
        except ssl.SSLError as error:
            hint = "; is tls right for this port?" if error.reason == "WRONG_VERSION_NUMBER" else ""
            raise SourceError(f"TLS with {where} fails: {error.reason or error}{hint}") from error
        except socket.gaierror as error:
            raise SourceError(
                f"the name {self._settings.host} is unknown: {error.strerror}"
            ) from error
        except TimeoutError as error:
            raise SourceError(f"{where} does not answer") from error
        except OSError as error:
            raise SourceError(f"{where}: {error.strerror or error}") from error
        except (imaplib.IMAP4.error, IMAPClientError, ProtocolError) as error:
            raise SourceError(f"{where}: {_plain(error)}") from error


def _message(uid: int, data: Mapping[bytes, Any], bodies: Mapping[str, bytes]) -> Message:
    size = data.get(b"RFC822.SIZE")
    header = data.get(b"BODY[HEADER]<0>") or b""
    return Message(
        uid=uid,
        received_at=_moment(data),
        size=size if isinstance(size, int) else 0,
        header=header if isinstance(header, bytes) else b"",
        structure=data.get(b"BODYSTRUCTURE"),
        bodies={name: body for name, body in bodies.items() if isinstance(body, bytes)},
    )


def _moment(data: Mapping[bytes, Any]) -> float:
    """When a message was received, in seconds since the epoch; 0 if that is not given."""
    given = data.get(b"INTERNALDATE")
    try:
        return given.timestamp() if isinstance(given, datetime) else 0.0
    except (OverflowError, ValueError, OSError):
        return 0.0


def _move(client: BoundedClient, uids: Sequence[int], target: str) -> None:
    if client.has_capability("MOVE"):
        client.move(uids, target)
        return
    client.copy(uids, target)
    client.delete_messages(uids, silent=True)
    # Without UIDPLUS others' deleted messages would go too: they stay, marked as deleted.
    if client.has_capability("UIDPLUS"):
        client.uid_expunge(uids)


def _plain(error: Exception) -> str:
    """The text of an error, which may hold the bytes of the server."""
    text = str(error)
    if text.startswith(("b'", 'b"')):
        text = text[2:-1]
    return text[:300]


def _text(value: bytes, what: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise SourceError(f"the {what} in the Secret is no UTF-8 text") from error
