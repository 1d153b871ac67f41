"""Slack: https://docs.slack.dev/authentication/verifying-requests-from-slack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.triggers.bodies import text_of
from orchestrator.triggers.schemes.comparing import any_same, hex_digests, outside_window
from orchestrator.triggers.schemes.scheme import Scheme, WithSecrets, secrets_of
from orchestrator.triggers.sources import HttpRequest, HttpResponse, Sending


class Slack(WithSecrets):
    """Events, interactive messages and slash commands of Slack; the secret is the app's signing
    secret."""


def verify_slack(request: HttpRequest, secrets: Sequence[bytes]) -> str:
    """Why the signature is not valid; empty if it is."""
    given = request.headers.get("x-slack-signature", "")
    timestamp = request.headers.get("x-slack-request-timestamp", "")
    if not given:
        return "there is no header X-Slack-Signature"
    if problem := outside_window(timestamp, request):
        return f"X-Slack-Request-Timestamp: {problem}"
    signed = b"v0:" + timestamp.encode() + b":" + request.body
    expected = [b"v0=" + digest for digest in hex_digests(secrets, signed)]
    return "" if any_same([given], expected) else "X-Slack-Signature does not match any secret"


def _answer(_: HttpRequest, body: Any) -> HttpResponse | None:
    """The challenge of the Events API: https://docs.slack.dev/reference/events/url_verification."""
    if not isinstance(body, Mapping) or body.get("type") != "url_verification":
        return None
    return HttpResponse(200, text_of(body, "challenge"), {"Content-Type": "text/plain"})


def _sign(_: Slack, sending: Sending, secret: bytes) -> Mapping[str, str]:
    signed = b"v0:" + sending.timestamp.encode() + b":" + sending.body
    (digest,) = hex_digests([secret], signed)
    return {
        "X-Slack-Request-Timestamp": sending.timestamp,
        "X-Slack-Signature": f"v0={digest.decode()}",
    }


SLACK = Scheme(
    key="slack",
    verifies="Signed as Slack signs requests, at most 300 seconds ago; a delivery is known by "
    "event_id.",
    settings=Slack,
    header="X-Slack-Signature",
    verify=lambda _, request, secrets: verify_slack(request, secrets),
    sign=_sign,
    secrets=secrets_of,
    identity=lambda _settings, _request, body: text_of(body, "event_id"),
    answer=_answer,
)
