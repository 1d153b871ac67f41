"""Stripe: https://docs.stripe.com/webhooks#verify-manually."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.triggers.bodies import text_of
from orchestrator.triggers.schemes.comparing import any_same, hex_digests, outside_window
from orchestrator.triggers.schemes.scheme import Scheme, WithSecrets, secrets_of
from orchestrator.triggers.sources import HttpRequest, Sending


class Stripe(WithSecrets):
    """Webhooks of Stripe; the secret is the endpoint's (`whsec_…`)."""


def _verify(_: Stripe, request: HttpRequest, secrets: Sequence[bytes]) -> str:
    given = request.headers.get("stripe-signature", "")
    if not given:
        return "there is no header Stripe-Signature"
    parts = [part.strip().partition("=") for part in given.split(",")]
    timestamp = next((value for name, _, value in parts if name == "t"), "")
    if problem := outside_window(timestamp, request):
        return f"Stripe-Signature: {problem}"
    expected = hex_digests(secrets, timestamp.encode() + b"." + request.body)
    signatures = [value for name, _, value in parts if name == "v1"]
    return "" if any_same(signatures, expected) else "Stripe-Signature does not match any secret"


def _sign(_: Stripe, sending: Sending, secret: bytes) -> Mapping[str, str]:
    (digest,) = hex_digests([secret], sending.timestamp.encode() + b"." + sending.body)
    return {"Stripe-Signature": f"t={sending.timestamp},v1={digest.decode()}"}


STRIPE = Scheme(
    key="stripe",
    verifies="Signed as Stripe signs webhooks, at most 300 seconds ago; a delivery is known by the "
    "id of the event.",
    settings=Stripe,
    header="Stripe-Signature",
    verify=_verify,
    sign=_sign,
    secrets=secrets_of,
    identity=lambda _settings, _request, body: text_of(body, "id"),
)
