"""Connections to a mail server, and its refusals as errors for users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING

from orchestrator.actions.action import ActionError
from orchestrator.actions.sending import refuses_tls, tls_context

if TYPE_CHECKING:
    import smtplib


class Security(StrEnum):
    """How the connection is encrypted."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}
"""The standard port of each."""


@contextmanager
def connection(
    host: str, port: int, security: Security, ca_certificate: str, seconds: float
) -> Iterator[smtplib.SMTP]:
    """An encrypted connection to a mail server, unless security is none.

    Raises ActionError for its failures; `seconds` is the time until the end of the last answer.
    """
    import smtplib
    import time

    from orchestrator.actions.notify.smtp_session import Smtp, SmtpOverTls

    end = time.monotonic() + seconds

    def left() -> float:
        return end - time.monotonic()

    tls = tls_context(ca_certificate)
    where = f"{host}:{port}"
    server: smtplib.SMTP | None = None
    try:
        if security is Security.TLS:
            server = SmtpOverTls(left, host, port, timeout=seconds, context=tls)
        else:
            server = Smtp(left, host, port, timeout=seconds)
        server.ehlo_or_helo_if_needed()
        if security is Security.STARTTLS:
            server.starttls(context=tls)
            server.ehlo()
        yield server
        with suppress(smtplib.SMTPException, OSError):  # the message has been accepted
            server.quit()
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise _failure(error, where) from None
    finally:
        if server is not None:
            server.close()


def transmit(server: smtplib.SMTP, sender: str, recipients: Sequence[str], content: bytes) -> None:
    """Send the message, if the server accepts the sender and every recipient."""
    _accepted(server.mail(sender), f"the sender {sender}")
    for recipient in recipients:
        _accepted(server.rcpt(recipient), f"the recipient {recipient}")
    _accepted(server.data(content), "the message")


def _accepted(response: tuple[int, bytes], what: str) -> None:
    code, text = response
    if not 200 <= code < 300:
        explained = " ".join(text.decode(errors="replace").split())[:300]
        raise ActionError(
            f"the mail server refused {what}: {code} {explained}", permanent=code >= 500
        )


def _failure(error: Exception, where: str) -> ActionError:
    """The error of a connection, permanent if the server refuses what another attempt repeats."""
    import smtplib
    import ssl

    match error:
        case ssl.SSLError():
            reason = getattr(error, "verify_message", "") or error.reason
            return ActionError(f"TLS with {where} failed: {reason}", permanent=refuses_tls(error))
        case smtplib.SMTPResponseException():
            text = error.smtp_error
            explained = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
            return ActionError(
                f"the mail server {where} refused: {error.smtp_code} {explained[:300]}",
                permanent=error.smtp_code >= 500,
            )
        case smtplib.SMTPServerDisconnected() if "timed out" not in str(error):
            return ActionError(f"the mail server {where} closed the connection")
        case smtplib.SMTPServerDisconnected() | TimeoutError():
            return ActionError(f"{where} did not respond within the timeout")
        case smtplib.SMTPException():  # no STARTTLS, or no authentication
            return ActionError(f"the mail server {where} cannot be used: {error}", permanent=True)
        case UnicodeError():
            return ActionError("username and password must be ASCII", permanent=True)
    return ActionError(f"cannot reach {where}: {error}")
