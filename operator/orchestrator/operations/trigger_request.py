"""Requests to a Trigger as its senders make them: signed, and read as the receiver reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.operations.errors import conflict, invalid
from orchestrator.operations.trigger import called
from orchestrator.operations.writes import Raw
from orchestrator.triggers.registry import Trigger
from orchestrator.triggers.sources import Event, HttpRequest, HttpResponse, Requests, Sending

TEST_SECRET = b"whsec_b25seSBmb3IgdGVzdHMsIG5vdCBhIHNlY3JldA=="
"""A secret of every scheme's form, for requests that are not sent."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that is ready to be sent."""

    path: str
    """Its path at the receiver."""
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a request; the type's sample where it is None."""

    body: bytes | None = None
    headers: Mapping[str, str] | None = None
    """Headers in addition to those of the signature, which they override."""


def source_of(trigger: Raw, read: Trigger) -> Requests[Any]:
    """The source of a Trigger that takes requests. Raises CommandError for any other."""
    source = read.type.source
    if not isinstance(source, Requests):
        raise invalid("spec", f"{called(trigger)} takes no requests: its type is {read.type.key}")
    return source


def sign_request(
    trigger: Raw, read: Trigger, content: Content, secret: bytes, identity: str, at: float
) -> SignedRequest:
    """A request with this delivery id at a moment in seconds since the epoch.

    Raises CommandError if the Trigger takes no requests or cannot use the secret.
    """
    source = source_of(trigger, read)
    sample = source.sample(read.settings, at)
    body = sample.body if content.body is None else content.body
    try:
        signature = source.sign(read.settings, Sending(body, identity, at), secret)
    except (ValueError, UnicodeDecodeError) as error:
        raise invalid("secret", f"{called(trigger)} cannot use the secret: {error}") from error
    metadata = trigger["metadata"]
    return SignedRequest(
        f"/triggers/{metadata['namespace']}/{metadata['name']}",
        {"Content-Type": sample.content_type, **signature, **(content.headers or {})},
        body,
    )


def events_of(
    trigger: Raw, read: Trigger, content: Content, identity: str, at: float, caller: str = ""
) -> Sequence[Event] | str:
    """The events of a request that the receiver has verified, or why it accepts the request and
    starts nothing. Raises CommandError with the answer to a request that it refuses."""
    source = source_of(trigger, read)
    signed = sign_request(trigger, read, content, TEST_SECRET, identity, at)
    request = HttpRequest(
        method="POST",
        headers={name.lower(): text for name, text in signed.headers.items()},
        query={},
        body=signed.body,
        received_at=at,
        caller=caller,
        certificate=_subjects(read),
        id=identity,
    )
    found = source.receive(read.settings, request, [TEST_SECRET])
    if isinstance(found, HttpResponse):
        detail = found.detail or found.message
        if 200 <= found.status < 300:
            return detail or "the receiver answers a handshake"
        raise conflict("body", f"the receiver answers {found.status}: {detail}")
    return found


def _subjects(read: Trigger) -> tuple[str, ...]:
    """The names of a client certificate that the Trigger accepts."""
    mutual = getattr(read.settings, "mutual_tls", None) or getattr(read.settings, "mutualTLS", None)
    return tuple(mutual.subjects) if mutual is not None else ()
