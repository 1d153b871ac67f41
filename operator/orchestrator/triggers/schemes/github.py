"""GitHub: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.triggers.schemes.comparing import any_same, hex_digests
from orchestrator.triggers.schemes.scheme import Scheme, WithSecrets, secrets_of
from orchestrator.triggers.sources import HttpRequest, HttpResponse, Sending


class GitHub(WithSecrets):
    """Webhooks of GitHub."""


def _verify(_: GitHub, request: HttpRequest, secrets: Sequence[bytes]) -> str:
    given = request.headers.get("x-hub-signature-256", "")
    if not given:
        return "there is no header X-Hub-Signature-256; set a secret in the webhook on GitHub"
    expected = [b"sha256=" + digest for digest in hex_digests(secrets, request.body)]
    return "" if any_same([given], expected) else "X-Hub-Signature-256 does not match any secret"


def _answer(request: HttpRequest, _: Any) -> HttpResponse | None:
    is_ping = request.headers.get("x-github-event") == "ping"
    return HttpResponse(200, "pong") if is_ping else None


def _sign(_: GitHub, sending: Sending, secret: bytes) -> Mapping[str, str]:
    (digest,) = hex_digests([secret], sending.body)
    return {
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": sending.id,
        "X-Hub-Signature-256": f"sha256={digest.decode()}",
    }


GITHUB = Scheme(
    key="github",
    verifies="Signed as GitHub signs webhooks; a delivery is known by X-GitHub-Delivery.",
    settings=GitHub,
    header="X-Hub-Signature-256",
    verify=_verify,
    sign=_sign,
    secrets=secrets_of,
    identity=lambda _settings, request, _body: request.headers.get("x-github-delivery", ""),
    answer=_answer,
)
