"""Any sender that puts an HMAC of the body into a header."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from orchestrator.models.base import HEADER_PATTERN, Duration, parse_duration
from orchestrator.triggers.schemes.comparing import any_same, hex_digests, outside_window
from orchestrator.triggers.schemes.scheme import Scheme, WithSecrets, secrets_of
from orchestrator.triggers.sources import HttpRequest, Sending

HeaderName = Annotated[str, Field(pattern=HEADER_PATTERN, min_length=1, max_length=128)]


class Algorithm(StrEnum):
    """Hash functions of an HMAC."""

    SHA256 = "sha256"
    SHA512 = "sha512"


class Encoding(StrEnum):
    """Encodings of a signature."""

    HEX = "hex"
    BASE64 = "base64"


class Hmac(WithSecrets):
    """An HMAC of the body in a header."""

    header: HeaderName
    """Header with the signature."""
    algorithm: Algorithm = Algorithm.SHA256
    """Hash function of the HMAC."""
    encoding: Encoding = Encoding.HEX
    """Encoding of the signature."""
    prefix: Annotated[str, Field(max_length=32)] = ""
    """Text before the signature in the header, such as `sha256=`."""
    timestamp_header: HeaderName | None = None
    """Header with a timestamp in seconds since the epoch, which is signed with the body: the
    signature is of TIMESTAMP, the separator and the body."""
    separator: Annotated[str, Field(max_length=8)] = "."
    """Text between the timestamp and the body in what is signed."""
    window: Duration = "5m"
    """How far the timestamp may be from the receiver's clock."""
    id_header: HeaderName | None = None
    """Header with the delivery id; without one, a delivery is known by a hash of its body."""


def _verify(settings: Hmac, request: HttpRequest, secrets: Sequence[bytes]) -> str:
    given = request.headers.get(settings.header.lower(), "")
    if not given:
        return f"there is no header {settings.header}"
    signed = request.body
    if settings.timestamp_header is not None:
        timestamp = request.headers.get(settings.timestamp_header.lower(), "")
        if problem := outside_window(timestamp, request, parse_duration(settings.window)):
            return f"{settings.timestamp_header}: {problem}"
        signed = f"{timestamp}{settings.separator}".encode() + signed
    digests = _digests(settings, secrets, signed)
    if settings.encoding is Encoding.HEX:
        beginning = len(settings.prefix)
        given = given[:beginning] + given[beginning:].lower()
    expected = [settings.prefix.encode() + digest for digest in digests]
    return "" if any_same([given], expected) else f"{settings.header} does not match any secret"


def _identity(settings: Hmac, request: HttpRequest, _body: Any) -> str:
    header = settings.id_header
    return "" if header is None else request.headers.get(header.lower(), "")


def _sign(settings: Hmac, sending: Sending, secret: bytes) -> Mapping[str, str]:
    headers, signed = {}, sending.body
    if settings.timestamp_header is not None:
        headers[settings.timestamp_header] = sending.timestamp
        signed = f"{sending.timestamp}{settings.separator}".encode() + signed
    if settings.id_header is not None:
        headers[settings.id_header] = sending.id
    headers[settings.header] = settings.prefix + _digests(settings, [secret], signed)[0].decode()
    return headers


def _digests(settings: Hmac, secrets: Sequence[bytes], signed: bytes) -> list[bytes]:
    """The signatures by each secret, without their prefix."""
    digests = hex_digests(secrets, signed, settings.algorithm)
    if settings.encoding is Encoding.BASE64:
        return [base64.b64encode(bytes.fromhex(digest.decode())) for digest in digests]
    return digests


HMAC = Scheme(
    key="hmac",
    verifies="Signed by an HMAC of the body in a header; a delivery is known by `idHeader`.",
    settings=Hmac,
    header="",
    verify=_verify,
    sign=_sign,
    secrets=secrets_of,
    identity=_identity,
)
