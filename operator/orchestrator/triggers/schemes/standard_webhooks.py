"""Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence

from orchestrator.triggers.schemes.comparing import any_same, outside_window
from orchestrator.triggers.schemes.scheme import Scheme, WithSecrets, secrets_of
from orchestrator.triggers.sources import HttpRequest, Sending

SIGNATURE = "webhook-signature"
PREFIX = b"whsec_"


class StandardWebhooks(WithSecrets):
    """Webhooks signed by the Standard Webhooks specification; secrets are `whsec_` and base64."""


def verify_signature(request: HttpRequest, secrets: Sequence[bytes]) -> str:
    """Why the signature is not valid; empty if it is."""
    headers = request.headers
    id_, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not id_ or not headers.get(SIGNATURE):
        return "the headers webhook-id, webhook-timestamp and webhook-signature are required"
    if problem := outside_window(timestamp, request):
        return f"webhook-timestamp: {problem}"
    prefix = f"{id_}.{timestamp}.".encode("utf-8", "surrogateescape")
    signed = prefix + request.body
    keys = list(_keys(secrets))
    if not keys:
        return "no secret has the form of Standard Webhooks: whsec_ and base64"
    expected = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()) for key in keys]
    versioned = [part.partition(",") for part in headers[SIGNATURE].split()]
    signatures = [signature for version, _, signature in versioned if version == "v1"]
    return "" if any_same(signatures, expected) else "webhook-signature does not match any secret"


def _keys(secrets: Sequence[bytes]) -> Iterator[bytes]:
    for secret in secrets:
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            continue
        if key:
            yield key


def sign_standard(sending: Sending, secret: bytes) -> Mapping[str, str]:
    """The headers of a signed request. Raises ValueError for a secret of another form."""
    key = next(_keys([secret]), None)
    if key is None:
        raise ValueError(
            "the secret does not have the form of Standard Webhooks: whsec_ and base64"
        )
    signed = f"{sending.id}.{sending.timestamp}.".encode() + sending.body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": sending.id,
        "webhook-timestamp": sending.timestamp,
        SIGNATURE: f"v1,{signature}",
    }


STANDARD_WEBHOOKS = Scheme(
    key="standardWebhooks",
    verifies="Signed by the Standard Webhooks specification, at most 300 seconds ago; a delivery "
    "is known by webhook-id.",
    settings=StandardWebhooks,
    header="Webhook-Signature",
    verify=lambda _, request, secrets: verify_signature(request, secrets),
    sign=lambda _, sending, secret: sign_standard(sending, secret),
    secrets=secrets_of,
    identity=lambda _settings, request, _body: request.headers.get("webhook-id", ""),
)
