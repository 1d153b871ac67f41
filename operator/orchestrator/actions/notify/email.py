"""email: send an email through a mail server."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, SecretStr, field_validator, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs
from orchestrator.actions.notify.mailserver import PORTS, Security, connection, transmit
from orchestrator.actions.sending import WithTimeout
from orchestrator.models.base import HOST_PATTERN, parse_duration

if TYPE_CHECKING:
    from email.message import EmailMessage

MAX_RECIPIENTS = 100
"""Maximum number of recipients: mail servers must accept that many (RFC 5321, 4.5.3.1.8)."""
MAX_ATTACHMENTS = 10 * 1024 * 1024
"""Maximum size of all attachments in bytes; many mail servers accept no larger messages."""
ADDRESS = re.compile(r"(?P<user>[\w.!#$%&'*+/=?^`{|}~-]+)@(?P<domain>[^\W_][\w.-]*)")
"""An address without quotes, comments or routes; its domain may be international."""

Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=512)]
"""Text of one line: a line break would begin another header."""
Addresses = Annotated[list[Line], Field(max_length=MAX_RECIPIENTS)]


class Email(WithTimeout):
    """Parameters of email."""

    host: Annotated[str, Field(pattern=HOST_PATTERN, max_length=253)]
    """Name of the mail server."""
    from_: Annotated[Line, Field(alias="from")]
    """Address of the sender, such as ops@example.com or Ops <ops@example.com>."""
    to: Annotated[Addresses, Field(min_length=1)]
    """Addresses of the recipients."""
    subject: Annotated[Line, Field(min_length=1)]
    """Subject, in one line."""
    text: Annotated[str, Field(max_length=262144)] = ""
    """Body as plain text."""
    html: Annotated[str, Field(max_length=262144)] = ""
    """Body as HTML, shown instead of text by programs that can."""
    cc: Addresses = []
    """Addresses of recipients of a copy."""
    bcc: Addresses = []
    """Addresses of recipients whom the others do not see."""
    reply_to: Line = ""
    """Address for replies."""
    attachments: Annotated[list[str], Field(max_length=16)] = []
    """Files of the workspace, at most 10 MiB together; a Workflow with attachments needs
    spec.workspace."""
    security: Security = Security.STARTTLS
    """Encryption: starttls, tls (from the beginning of the connection), or none, without
    username."""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port of the mail server; 0 is 587 for starttls, 465 for tls, 25 for none."""
    username: Annotated[str, Field(max_length=253)] = ""
    """User name for the mail server."""
    password: SecretStr | None = None
    """Password of username."""
    ca_certificate: str = ""
    """PEM certificates to trust in addition to the public ones."""

    @field_validator("from_", "to", "cc", "bcc", "reply_to")
    @classmethod
    def _addresses(cls, value: str | list[str]) -> str | list[str]:
        for text in [value] if isinstance(value, str) else value:
            if text:
                _parse(text)
        return value

    @model_validator(mode="after")
    def _complete(self) -> Email:
        if not (self.text or self.html):
            raise ValueError("give text, html or both")
        if bool(self.username) != bool(self.password):
            raise ValueError("give username and password together")
        if self.username and self.security is Security.NONE:
            raise ValueError("security none takes no username: the password would not be encrypted")
        if len(self.recipients) > MAX_RECIPIENTS:
            raise ValueError(f"give at most {MAX_RECIPIENTS} recipients in to, cc and bcc together")
        return self

    @property
    def recipients(self) -> list[str]:
        """Each recipient's address once."""
        every = (*self.to, *self.cc, *self.bcc)
        return list(dict.fromkeys(_parse(text).address for text in every))


class Sent(Outputs):
    """Outputs of email."""

    message_id: str
    """Message-ID of the email, the same in every attempt."""
    recipients: int
    """Number of recipients."""


def email(parameters: Email, context: Context) -> Sent:
    """Sends an email through a mail server.

    It is sent to all recipients or to none: if the mail server refuses one of them, the action
    fails.
    """
    message = _message(parameters, context)
    content = message.as_bytes()
    port = parameters.port or PORTS[parameters.security]
    seconds = parse_duration(parameters.timeout)
    context.log(f"connecting to {parameters.host}:{port}")
    with connection(
        parameters.host, port, parameters.security, parameters.ca_certificate, seconds
    ) as server:
        if parameters.password:
            server.login(parameters.username, parameters.password.get_secret_value())
        transmit(server, _parse(parameters.from_).address, parameters.recipients, content)
    count = len(parameters.recipients)
    context.log(f"sent {len(content)} bytes to {count} recipients as {message['Message-ID']}")
    return Sent(message_id=message["Message-ID"], recipients=count)


@dataclass(frozen=True, slots=True)
class _Mailbox:
    """A name for people and an address, whose domain is in ASCII."""

    name: str
    user: str
    domain: str

    @property
    def address(self) -> str:
        return f"{self.user}@{self.domain}"


def _parse(text: str) -> _Mailbox:
    """The parts of `Name <address>` or of an address alone; raises ValueError for others."""
    name, _, rest = text.rpartition("<")
    address = rest.removesuffix(">") if name or "<" in text else text
    found = ADDRESS.fullmatch(address.strip())
    if not found or not found["user"].isascii() or ("<" in text) != text.rstrip().endswith(">"):
        raise ValueError(
            f"{text!r} is not an address; write one such as ops@example.com or "
            "Ops <ops@example.com>"
        )
    try:
        domain = found["domain"].encode("idna").decode()
    except UnicodeError:
        raise ValueError(f"{found['domain']!r} is not a domain") from None
    return _Mailbox(name.strip().strip('"'), found["user"], domain)


def _message(parameters: Email, context: Context) -> EmailMessage:
    # Imported here: the package takes a fifth of an action's start.
    from email.headerregistry import Address
    from email.message import EmailMessage
    from email.policy import SMTP
    from email.utils import format_datetime

    def addresses(*texts: str) -> tuple[Address, ...]:
        mailboxes = [_parse(text) for text in texts if text]
        return tuple(Address(each.name, each.user, each.domain) for each in mailboxes)

    message = EmailMessage(policy=SMTP)
    digest = hashlib.sha256(context.identity.key.encode()).hexdigest()[:32]
    headers = {
        "From": addresses(parameters.from_),
        "To": addresses(*parameters.to),
        "Cc": addresses(*parameters.cc),
        "Reply-To": addresses(parameters.reply_to),
        "Subject": parameters.subject,
        "Date": format_datetime(context.clock.now()),
        "Message-ID": f"<{digest}@{_parse(parameters.from_).domain}>",
        "Auto-Submitted": "auto-generated",  # RFC 3834: no out-of-office reply
    }
    for name, value in headers.items():
        if value:
            message[name] = value
    if parameters.text:
        message.set_content(parameters.text)
    if parameters.html and parameters.text:
        message.add_alternative(parameters.html, subtype="html")
    elif parameters.html:
        message.set_content(parameters.html, subtype="html")
    for path, content in _attachments(parameters, context):
        message.add_attachment(
            content, maintype="application", subtype="octet-stream", filename=path.name
        )
    return message


def _attachments(parameters: Email, context: Context) -> Iterator[tuple[Path, bytes]]:
    """The attached files; raises a permanent ActionError for one outside of the workspace."""
    folder, left = context.environ.get("WORKSPACE"), MAX_ATTACHMENTS
    if parameters.attachments and not folder:
        raise ActionError("attachments need a workspace: set spec.workspace", permanent=True)
    for i, name in enumerate(parameters.attachments):
        workspace = Path(folder or "").resolve()
        path = (workspace / name).resolve()
        if not path.is_relative_to(workspace) or not path.is_file():
            raise ActionError(f"attachments.{i}: the workspace has no file {name}", permanent=True)
        left -= path.stat().st_size
        if left < 0:
            raise ActionError(
                f"attachments.{i}: all together are more than {MAX_ATTACHMENTS} bytes",
                permanent=True,
            )
        yield path, path.read_bytes()


ACTION = Action(
    name="email",
    title="Send an email",
    category="notify",
    icon="mail",
    parameters=Email,
    outputs=Sent,
    run=email,
    retries=(
        "Retried: no connection, no response in time, a recipient or message that the mail server "
        "defers (4xx). Not retried: refusals (5xx), a wrong password, TLS that is not trusted or "
        "not offered. After a lost response, a retry sends the message again with the same "
        "Message-ID, by which many mail servers and programs recognise it."
    ),
    example="""
        variables:
        - {name: password, type: secret, secretKeyRef: {name: smtp, key: password}}
        nodes:
        - name: report
          action: email
          with:
            host: smtp.example.com
            username: automation
            password: "$[[ vars.password ]]"
            from: Automation <automation@example.com>
            to: [ops@example.com, ana@example.com]
            subject: "$[[ workflow.name ]] has ended"
            text: All services are healthy.
    """,
)
