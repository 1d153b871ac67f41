"""A token in the Authorization header (RFC 6750)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.triggers.schemes.comparing import any_same
from orchestrator.triggers.schemes.hmac_signature import HeaderName
from orchestrator.triggers.schemes.scheme import Scheme, WithSecrets, secrets_of
from orchestrator.triggers.sources import HttpRequest, Sending


class Bearer(WithSecrets):
    """A token that the sender sends as `Authorization: Bearer TOKEN`."""

    id_header: HeaderName | None = None
    """Header with the delivery id; without one, a delivery is known by a hash of its body."""


def token_of(request: HttpRequest, scheme: str = "bearer") -> str:
    """The credentials in the Authorization header; empty if it has none of this scheme."""
    given, _, credentials = request.headers.get("authorization", "").partition(" ")
    return credentials.strip() if given.lower() == scheme else ""


def _verify(_: Bearer, request: HttpRequest, secrets: Sequence[bytes]) -> str:
    token = token_of(request)
    if not token:
        return "there is no header `Authorization: Bearer TOKEN`"
    return "" if any_same([token], secrets) else "the bearer token does not match any secret"


def _identity(settings: Bearer, request: HttpRequest, _body: Any) -> str:
    header = settings.id_header
    return "" if header is None else request.headers.get(header.lower(), "")


def _sign(settings: Bearer, sending: Sending, secret: bytes) -> Mapping[str, str]:
    identity = {settings.id_header: sending.id} if settings.id_header is not None else {}
    return {"Authorization": f"Bearer {secret.decode()}", **identity}


BEARER = Scheme(
    key="bearer",
    verifies="Sent with a bearer token; a delivery is known by `idHeader`.",
    settings=Bearer,
    header="Authorization",
    verify=_verify,
    sign=_sign,
    secrets=secrets_of,
    identity=_identity,
)
