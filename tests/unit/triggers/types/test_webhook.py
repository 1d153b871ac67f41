"""What a verified webhook becomes: an event, a handshake's answer or a refusal of its body."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from orchestrator.triggers.sources import Event, HttpRequest, HttpResponse
from orchestrator.triggers.types.webhook import WEBHOOK, receive
from tests.signed_requests import AT, SECRET, SECRETS, github_headers, hex_hmac, post

TOKEN = {"authorization": f"Bearer {SECRET.decode()}"}


def received(request: HttpRequest, scheme: str = "bearer") -> Event | HttpResponse:
    settings = WEBHOOK.settings.model_validate({scheme: {"secrets": SECRETS}})
    found = receive(settings, request, [SECRET])
    return found if isinstance(found, HttpResponse) else found[0]


def event(request: HttpRequest, scheme: str = "bearer") -> Event:
    found = received(request, scheme)
    assert isinstance(found, Event)
    return found


def slack(body: bytes, content_type: str) -> HttpRequest:
    signed = f"v0:{AT:.0f}:".encode() + body
    return post(
        body,
        content_type=content_type,
        x_slack_request_timestamp=f"{AT:.0f}",
        x_slack_signature=f"v0={hex_hmac(SECRET, signed)}",
    )


def test_a_ping_of_github_is_answered_and_starts_nothing() -> None:
    body = b'{"zen": "Design for failure."}'
    answer = received(post(body, **github_headers(body, event="ping")), "github")
    assert isinstance(answer, HttpResponse)
    assert (answer.status, answer.message) == (200, "pong")


def test_an_unsigned_ping_is_refused() -> None:
    answer = received(post({"zen": ""}, x_github_event="ping"), "github")
    assert isinstance(answer, HttpResponse)
    assert answer.status == 401


def test_the_challenge_of_slack_is_answered_once_it_is_verified() -> None:
    body = orjson.dumps({"type": "url_verification", "challenge": "3eZbrw1aBm2"})
    answer = received(slack(body, "application/json"), "slack")
    assert isinstance(answer, HttpResponse)
    assert (answer.status, answer.message) == (200, "3eZbrw1aBm2")
    assert answer.headers == {"Content-Type": "text/plain"}
    forged = received(post(body, content_type="application/json"), "slack")
    assert isinstance(forged, HttpResponse)
    assert forged.status == 401


def test_the_payload_of_an_interactive_message_is_the_body() -> None:
    payload = {"type": "block_actions", "user": {"id": "U1"}}
    body = urlencode({"payload": orjson.dumps(payload).decode()}).encode()
    found = event(slack(body, "application/x-www-form-urlencoded"), "slack")
    assert found.data["body"] == payload


def test_a_form_is_its_fields() -> None:
    form = b"command=%2Fdeploy&text=&tag=a&tag=b&name=%C3%A4"
    found = event(post(form, content_type="application/x-www-form-urlencoded", **TOKEN))
    assert found.data["body"] == {
        "command": "/deploy",
        "text": "",
        "tag": ["a", "b"],
        "name": "\N{LATIN SMALL LETTER A WITH DIAERESIS}",
    }


def test_the_same_body_is_the_same_event_unless_the_sender_names_deliveries() -> None:
    one, two = (event(post({"a": at}, **TOKEN)) for at in (1, 2))
    assert one.identity == event(post({"a": 1}, **TOKEN)).identity
    assert one.identity != two.identity
    body = b"{}"
    first, second = (
        event(post(body, **github_headers(body, delivery=each)), "github") for each in "12"
    )
    assert (first.identity, second.identity) == ("1", "2")


def test_headers_that_hold_no_secret_are_kept() -> None:
    body = b"{}"
    headers = github_headers(body) | {"user-agent": "GitHub-Hookshot/1", "cookie": "session=1"}
    found = event(post(body, **headers), "github")
    assert found.data["headers"] == {
        "user-agent": "GitHub-Hookshot/1",
        "x-github-event": "push",
        "x-github-delivery": "d-1",
    }


def test_an_empty_body_is_null() -> None:
    assert event(post(b"", **TOKEN)).data["body"] is None


REFUSED: dict[str, tuple[bytes, str, int, str]] = {
    "xml": (b"<a/>", "application/xml", 415, "the content type is 'application/xml'"),
    "none": (b"a", "", 415, "there is no content type; send application/json"),
    "truncated": (b'{"a": [1, 2', "application/json", 400, "not valid JSON"),
    "empty": (b"", "application/json", 400, "not valid JSON"),
    "utf-16": ('{"a": 1}'.encode("utf-16"), "application/json", 400, "not valid JSON"),
    "a lone surrogate": (b'"\\ud800"', "application/json", 400, "not valid JSON"),
    "not a number": (b"[NaN]", "application/json", 400, "not valid JSON"),
    "nested": (b"[" * 65 + b"]" * 65, "application/json", 400, "deeper than 64 levels"),
    "nested hugely": (b"[" * 500_000 + b"]" * 500_000, "application/json", 400, ""),
    "many fields": (b"a&" * 2_000, "application/x-www-form-urlencoded", 400, "form data"),
}


@pytest.mark.parametrize(("body", "type_", "status", "said"), REFUSED.values(), ids=REFUSED)
def test_another_body_is_refused_in_words(body: bytes, type_: str, status: int, said: str) -> None:
    headers: dict[str, Any] = {**TOKEN, "content-type": type_}
    answer = received(post(body, **headers))
    assert isinstance(answer, HttpResponse)
    assert answer.status == status
    assert said in answer.message


def test_64_levels_are_read() -> None:
    deep = b"[" * 64 + b"]" * 64
    assert event(post(deep, content_type="application/vnd.api+json", **TOKEN)).data["body"]


def test_a_delivery_id_of_any_length_is_bounded() -> None:
    body = b"{}"
    answer = received(post(body, **github_headers(body, delivery="x" * 257)), "github")
    assert isinstance(answer, HttpResponse)
    assert answer.status == 400


def test_the_payload_of_a_form_is_bounded_in_depth_as_any_body() -> None:
    deep = urlencode({"payload": "[" * 500 + "]" * 500}).encode()
    form = "application/x-www-form-urlencoded"
    answer = received(post(deep, content_type=form, **TOKEN))
    assert isinstance(answer, HttpResponse)
    assert (answer.status, "nested deeper" in answer.message) == (400, True)
    text = urlencode({"payload": "plain text"}).encode()
    assert event(post(text, content_type=form, **TOKEN)).data["body"] == {"payload": "plain text"}
