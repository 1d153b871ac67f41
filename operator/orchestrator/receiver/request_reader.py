"""Reads requests within bounds of size and time."""

from __future__ import annotations

import asyncio
import ssl
import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from orchestrator.receiver.limits import Limits, Slots
from orchestrator.triggers.sources import HttpRequest, HttpResponse

NAMES = ("DNS", "URI", "email")
"""The kinds of alternative names of a certificate that a trigger may accept."""


async def read_request(
    request: web.BaseRequest, limits: Limits, slots: Slots, now: float
) -> HttpRequest | HttpResponse:
    """The request with its whole body, or the refusal of one that exceeds a bound.

    Raises TooManyError. Its bytes are counted in `slots` until they are released.
    """
    headers = _headers(request)
    if headers.get("content-encoding", "identity").lower() != "identity":
        # Signatures are of the raw body, and a compressed one could grow without bound.
        return HttpResponse(415, "send the body without Content-Encoding")
    length = request.content_length
    too_large = HttpResponse(413, f"the body exceeds {limits.body:,} bytes")
    if length is not None and length > limits.body:
        return too_large
    if headers.get("expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for chunk in request.content.iter_any():
                if len(body) + len(chunk) > limits.body:
                    slots.release(len(body))
                    return too_large
                slots.take(len(chunk))
                body += chunk
    except TimeoutError:
        slots.release(len(body))
        return HttpResponse(408, f"the body did not arrive within {limits.body_seconds:g} seconds")
    except BaseException:
        slots.release(len(body))
        raise
    return HttpRequest(
        method=request.method,
        headers=headers,
        query=dict(request.query),
        body=bytes(body),
        received_at=now,
        certificate=certificate_names(request.transport),
        id=str(uuid.uuid4()),
    )


def _headers(request: web.BaseRequest) -> dict[str, str]:
    """By lower-case name; bytes that are not UTF-8, which no event may hold, are replaced."""
    found: dict[str, str] = {}
    for name, raw in request.headers.items():
        key = name.lower()
        text = raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def certificate_names(transport: asyncio.Transport | None) -> tuple[str, ...]:
    """The names in the client certificate, which the handshake has verified; empty without one."""
    if transport is None:
        return ()
    connection: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    certificate: Mapping[str, Any] | None = connection.getpeercert() if connection else None
    return names_of(certificate or {})


def names_of(certificate: Mapping[str, Any]) -> tuple[str, ...]:
    """The common name and the alternative names of a certificate, as ssl describes it."""
    subject = [pair for part in certificate.get("subject", ()) for pair in part]
    names = [value for kind, value in subject if kind == "commonName"]
    names += [value for kind, value in certificate.get("subjectAltName", ()) if kind in NAMES]
    return tuple(dict.fromkeys(names))
