"""Each scheme accepts what it signs, and nothing that was changed afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.triggers.registry import REGISTRY, Trigger
from orchestrator.triggers.sources import Event, HttpRequest, HttpResponse, Requests, Sending
from tests.signed_requests import AT, SECRETS

WHSEC = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNED: dict[str, dict[str, Any]] = {
    "github": {"secrets": SECRETS},
    "gitlab": {"secrets": SECRETS},
    "slack": {"secrets": SECRETS},
    "pagerDuty": {"secrets": SECRETS},
    "stripe": {"secrets": SECRETS},
    "standardWebhooks": {"secrets": SECRETS},
    "hmac": {
        "secrets": SECRETS, "header": "X-Sig", "prefix": "sha512=", "algorithm": "sha512",
        "encoding": "base64", "timestampHeader": "X-Time", "idHeader": "X-Id",
    },
    "bearer": {"secrets": SECRETS, "idHeader": "X-Id"},
    "basic": {"secrets": SECRETS, "username": "ana"},
}  # fmt: skip
OF_BODY = ("github", "gitlab", "slack", "pagerDuty", "stripe", "standardWebhooks", "hmac")


def read(**settings: Any) -> Trigger:
    trigger = REGISTRY.read({"workflow": "w", **settings})
    assert isinstance(trigger, Trigger), trigger
    return trigger


def signed(trigger: Trigger, secret: bytes, body: bytes | None = None) -> HttpRequest:
    """The type's sample, signed as its sender does."""
    source = trigger.type.source
    assert isinstance(source, Requests)
    sample = source.sample(trigger.settings, AT)
    whole = sample.body if body is None else body
    headers = source.sign(trigger.settings, Sending(whole, "delivery-1", AT), secret)
    named = {"Content-Type": sample.content_type, **headers}
    return HttpRequest("POST", {k.lower(): v for k, v in named.items()}, {}, whole, AT, "ana")


def received(trigger: Trigger, request: HttpRequest, secret: bytes) -> Any:
    source = trigger.type.source
    assert isinstance(source, Requests)
    return source.receive(trigger.settings, request, [secret])


@pytest.mark.parametrize("type_", ["webhook", "event", "alert"])
@pytest.mark.parametrize("scheme", SIGNED)
def test_the_signed_sample_of_a_type_is_an_event(type_: str, scheme: str) -> None:
    (settings,) = [each.settings for each in REGISTRY.types if each.key == type_]
    aliases = {field.alias or name for name, field in settings.model_fields.items()}
    if scheme not in aliases:
        return  # the type is not verified by this scheme
    trigger = read(**{type_: {scheme: SIGNED[scheme]}})
    found = received(trigger, signed(trigger, WHSEC), WHSEC)
    assert [isinstance(each, Event) for each in found] == [True], found
    other = received(trigger, signed(trigger, WHSEC), b"whsec_b3RoZXI=")
    assert isinstance(other, HttpResponse)
    assert other.status == 401


@pytest.mark.parametrize("scheme", [each for each in OF_BODY if each != "gitlab"])
def test_a_signature_is_of_the_body(scheme: str) -> None:
    trigger = read(webhook={scheme: SIGNED[scheme]})
    request = signed(trigger, WHSEC)
    changed = HttpRequest("POST", request.headers, {}, request.body + b" ", AT)
    assert received(trigger, changed, WHSEC).status == 401


def test_a_delivery_id_is_where_the_scheme_finds_it() -> None:
    for scheme in ("github", "standardWebhooks", "hmac", "bearer"):
        trigger = read(webhook={scheme: SIGNED[scheme]})
        (event,) = received(trigger, signed(trigger, WHSEC), WHSEC)
        assert event.identity == "delivery-1", scheme


def test_the_sample_of_an_endpoint_is_a_call_of_its_caller() -> None:
    trigger = read(apiEndpoint={"requireIdempotencyKey": True})
    (event,) = received(trigger, signed(trigger, b"token"), b"")
    assert (event.data["id"], event.data["caller"], event.requester) == ("delivery-1", "ana", "ana")


@pytest.mark.parametrize("statuses", [["firing"], ["resolved"]])
def test_the_sample_of_an_alert_has_a_status_that_the_trigger_takes(statuses: list[str]) -> None:
    trigger = read(alert={"bearer": {"secrets": SECRETS}, "statuses": statuses})
    (event,) = received(trigger, signed(trigger, WHSEC), WHSEC)
    assert event.data["status"] == statuses[0]
