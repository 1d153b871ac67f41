"""Requests signed as the documentation of each service says, and those that are not."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook as StandardWebhook

from orchestrator.triggers.sources import Event, HttpRequest, HttpResponse
from orchestrator.triggers.types.webhook import WEBHOOK, receive
from tests.signed_requests import AT, SECRETS, basic_credentials, hex_hmac, post

SECRET = b"s3cret"
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"id": "evt_1", "event": {"id": "01BX", "event_type": "incident.triggered"}}'
NOW = int(AT)


def received(
    settings: dict[str, Any], request: HttpRequest, *secrets: bytes
) -> Event | HttpResponse:
    parsed = WEBHOOK.settings.model_validate(settings)
    assert list(WEBHOOK.problems("spec.webhook", parsed)) == []
    found = receive(parsed, request, secrets or (SECRET,))
    return found if isinstance(found, HttpResponse) else found[0]


def json(body: bytes = BODY, **headers: str) -> HttpRequest:
    return post(body, content_type="application/json", **headers)


def standard(body: bytes = BODY, secret: str = WHSEC, id_: str = "msg_1") -> HttpRequest:
    """A request that the library of Standard Webhooks has signed."""
    signature = StandardWebhook(secret).sign(id_, datetime.fromtimestamp(NOW, UTC), body.decode())
    return json(
        body, webhook_id=id_, webhook_timestamp=str(NOW), webhook_signature=f"v1a,x {signature}"
    )


STRIPE = hex_hmac(SECRET, f"{NOW}.".encode() + BODY)
TIMED = {"header": "X-Sig", "secrets": SECRETS, "timestampHeader": "X-Time", "separator": ":"}
OF_BODY = {"header": "X-Sig", "secrets": SECRETS}
CASES: dict[str, tuple[dict[str, Any], HttpRequest, str]] = {
    "gitlab's token": (
        {"gitlab": {"secrets": SECRETS}},
        json(x_gitlab_token="s3cret", idempotency_key="f5e5"),
        "f5e5",
    ),
    "pagerduty's second signature": (
        {"pagerDuty": {"secrets": SECRETS}},
        json(x_pagerduty_signature=f"v1={'0' * 64}, v1={hex_hmac(SECRET, BODY)}"),
        "01BX",
    ),
    "stripe": (
        {"stripe": {"secrets": SECRETS}},
        json(stripe_signature=f"t={NOW},v1={'0' * 64},v1={STRIPE},v0=ab"),
        "evt_1",
    ),
    "hmac of the body": (
        {"hmac": {**OF_BODY, "idHeader": "X-Id"}},
        json(x_sig=hex_hmac(SECRET, BODY).upper(), x_id="7"),
        "7",
    ),
    "hmac with prefix and sha512": (
        {"hmac": {**OF_BODY, "algorithm": "sha512", "prefix": "sha512="}},
        json(x_sig=f"sha512={hex_hmac(SECRET, BODY, 'sha512')}"),
        "sha256:",
    ),
    "hmac in base64": (
        {"hmac": {**OF_BODY, "encoding": "base64"}},
        json(x_sig=base64.b64encode(bytes.fromhex(hex_hmac(SECRET, BODY))).decode()),
        "sha256:",
    ),
    "hmac with a timestamp": (
        {"hmac": TIMED},
        json(x_sig=hex_hmac(SECRET, f"{NOW}:".encode() + BODY), x_time=str(NOW)),
        "sha256:",
    ),
    "bearer": (
        {"bearer": {"secrets": SECRETS, "idHeader": "X-Id"}},
        json(authorization="bearer s3cret", x_id="8"),
        "8",
    ),
    "basic": (
        {"basic": {"secrets": SECRETS, "username": "hooks"}},
        json(authorization=basic_credentials("hooks", "s3cret")),
        "sha256:",
    ),
}
ALL = pytest.mark.parametrize(("settings", "request_", "id_"), CASES.values(), ids=CASES)


@ALL
def test_a_request_is_an_event_with_the_senders_id(
    settings: dict[str, Any], request_: HttpRequest, id_: str
) -> None:
    event = received(settings, request_)
    assert isinstance(event, Event)
    assert event.identity.startswith(id_)
    assert event.data["body"]["id"] == "evt_1"
    again = received(settings, request_, b"rotated", SECRET)
    assert isinstance(again, Event)
    assert again.identity == event.identity


@ALL
def test_without_its_proof_or_with_another_secret_it_is_refused(
    settings: dict[str, Any], request_: HttpRequest, id_: str
) -> None:
    del id_
    bare = replace(request_, headers={"content-type": "application/json"})
    for request, secrets in ((bare, [SECRET]), (request_, [b"other"]), (request_, [b""])):
        answer = received(settings, request, *secrets)
        assert isinstance(answer, HttpResponse)
        assert answer.status == 401
        assert "s3cret" not in answer.message + answer.detail


def test_standard_webhooks_are_verified_as_their_library_signs_them() -> None:
    for scheme in ("standardWebhooks", "gitlab"):
        settings = {scheme: {"secrets": SECRETS}}
        event = received(settings, standard(), b"garbage", WHSEC.encode())
        assert isinstance(event, Event)
        assert event.identity == "msg_1"
        for forged in (
            replace(standard(), body=BODY + b" "),
            replace(standard(), headers={**standard().headers, "webhook-id": "msg_2"}),
            replace(standard(), received_at=AT + 301),
        ):
            answer = received(settings, forged, WHSEC.encode())
            assert isinstance(answer, HttpResponse)
            assert answer.status == 401


def test_a_secret_that_is_no_key_of_standard_webhooks_is_reported() -> None:
    answer = received({"standardWebhooks": {"secrets": SECRETS}}, standard(), b"not base64!")
    assert isinstance(answer, HttpResponse)
    assert "whsec_ and base64" in answer.detail


def test_a_timestamp_must_be_near_and_signed() -> None:
    old, signature = str(NOW - 301), hex_hmac(SECRET, f"{NOW - 301}:".encode() + BODY)
    assert isinstance(received({"hmac": TIMED}, json(x_sig=signature, x_time=old)), HttpResponse)
    wide = {"hmac": {**TIMED, "window": "10m"}}
    assert isinstance(received(wide, json(x_sig=signature, x_time=old)), Event)
    assert isinstance(received(wide, json(x_sig=signature, x_time=str(NOW))), HttpResponse)
    for text in ("", "now", "-5", "1e9", "٣", "9" * 30):
        assert isinstance(received(wide, json(x_sig=signature, x_time=text)), HttpResponse)


def test_only_certificates_of_the_subjects_are_accepted() -> None:
    settings = {"mutualTLS": {"subjects": ["ci.example.com", "spiffe://prod/ci"]}}
    for names, status in (
        (("builds", "ci.example.com"), 202),
        (("spiffe://prod/ci",), 202),
        (("example.com",), 401),
        ((), 401),
    ):
        found = received(settings, replace(json(), certificate=names))
        assert (found.status if isinstance(found, HttpResponse) else 202) == status


def test_a_webhook_has_exactly_one_scheme() -> None:
    none = WEBHOOK.settings.model_validate({})
    both = {"github": {"secrets": SECRETS}, "bearer": {"secrets": SECRETS}}
    two = WEBHOOK.settings.model_validate(both)
    for settings, given in ((none, "none"), (two, "github and bearer")):
        (problem,) = WEBHOOK.problems("spec.webhook", settings)
        assert str(problem).startswith("spec.webhook: a webhook has exactly one of github, gitlab,")
        assert str(problem).endswith(f"this one has {given}")
