"""PagerDuty v3: https://developer.pagerduty.com/docs/verifying-webhook-signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.triggers.bodies import text_of
from orchestrator.triggers.schemes.comparing import any_same, hex_digests
from orchestrator.triggers.schemes.scheme import Scheme, WithSecrets, secrets_of
from orchestrator.triggers.sources import HttpRequest, Sending


class PagerDuty(WithSecrets):
    """Webhook subscriptions of PagerDuty, version 3."""


def _verify(_: PagerDuty, request: HttpRequest, secrets: Sequence[bytes]) -> str:
    given = request.headers.get("x-pagerduty-signature", "")
    if not given:
        return "there is no header X-PagerDuty-Signature"
    expected = [b"v1=" + digest for digest in hex_digests(secrets, request.body)]
    signatures = [signature.strip() for signature in given.split(",")]
    matches = any_same(signatures, expected)
    return "" if matches else "X-PagerDuty-Signature does not match any secret"


def _sign(_: PagerDuty, sending: Sending, secret: bytes) -> Mapping[str, str]:
    (digest,) = hex_digests([secret], sending.body)
    return {"X-PagerDuty-Signature": f"v1={digest.decode()}"}


PAGER_DUTY = Scheme(
    key="pagerDuty",
    verifies="Signed as PagerDuty signs webhooks of version 3; a delivery is known by event.id.",
    settings=PagerDuty,
    header="X-PagerDuty-Signature",
    verify=_verify,
    sign=_sign,
    secrets=secrets_of,
    identity=lambda _settings, _request, body: text_of(body, "event", "id"),
)
