"""CloudEvents as their SDK sends them, in each mode, and what is none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent as SdkEvent

from orchestrator.triggers.sources import Event, HttpRequest, HttpResponse
from orchestrator.triggers.types.event import EVENT, receive
from tests.signed_requests import AT, CLOUD_EVENT, SECRET, SECRETS, post

BEARER = {"authorization": f"Bearer {SECRET.decode()}"}
STRUCTURED = {**BEARER, "content-type": "application/cloudevents+json"}
BATCH = {**BEARER, "content-type": "application/cloudevents-batch+json"}
ATTRIBUTES = {
    "type": "com.example.order.created",
    "source": "/shop/orders",
    "id": "A234-1234-1234",
    "subject": "order \N{SNOWMAN} 7%",
    "time": datetime(2026, 1, 31, 12, tzinfo=UTC),
    "traceparent": "00-4bf9",
}


def received(request: HttpRequest, **settings: Any) -> list[Event] | HttpResponse:
    given = {"bearer": {"secrets": SECRETS}, **settings}
    found = receive(EVENT.settings.model_validate(given), request, [SECRET])
    return found if isinstance(found, HttpResponse) else list(found)


def events(request: HttpRequest, **settings: Any) -> list[Event]:
    found = received(request, **settings)
    assert not isinstance(found, HttpResponse), found
    return found


def from_sdk(headers: dict[str, str], body: bytes) -> HttpRequest:
    named = {name.lower(): text for name, text in headers.items()}
    return HttpRequest("POST", {**named, **BEARER}, {}, body, AT)


def test_the_modes_of_the_sdk_give_the_same_event() -> None:
    sdk = SdkEvent(
        attributes={**ATTRIBUTES, "datacontenttype": "application/json"}, data={"order": 7}
    )
    messages = [to_binary_event(sdk), to_structured_event(sdk)]
    found = [events(from_sdk(each.headers, bytes(each.body)))[0] for each in messages]
    assert found[0].identity == found[1].identity
    for event in found:
        assert event.data == {
            "specversion": "1.0",
            "id": "A234-1234-1234",
            "source": "/shop/orders",
            "type": "com.example.order.created",
            "subject": "order \N{SNOWMAN} 7%",
            "time": "2026-01-31T12:00:00Z",
            "datacontenttype": "application/json",
            "dataschema": None,
            "data": {"order": 7},
            "dataBase64": None,
            "extensions": {"traceparent": "00-4bf9"},
        }


def test_binary_data_arrives_in_base64_in_both_modes() -> None:
    attributes = {**ATTRIBUTES, "datacontenttype": "application/octet-stream"}
    sdk = SdkEvent(attributes=attributes, data=b"\xff\x00\x01")
    for message in (to_binary_event(sdk), to_structured_event(sdk)):
        (event,) = events(from_sdk(message.headers, bytes(message.body)))
        assert (event.data["data"], event.data["dataBase64"]) == (None, "/wAB")


def test_a_batch_is_its_events_in_their_order() -> None:
    batch = [CLOUD_EVENT | {"id": str(at)} for at in range(3)]
    assert [event.data["id"] for event in events(post(batch, **BATCH))] == ["0", "1", "2"]


def test_only_source_and_id_together_make_an_event_the_same() -> None:
    def identity(source: str, id_: str) -> str:
        return events(post(CLOUD_EVENT | {"source": source, "id": id_}, **STRUCTURED))[0].identity

    assert identity("a", "b") == identity("a", "b")
    assert len({identity("a", "b"), identity("a/b", "c"), identity("a", "b/c")}) == 3


def test_events_of_other_types_start_nothing() -> None:
    batch = [CLOUD_EVENT, CLOUD_EVENT | {"id": "2", "type": "other"}]
    (event,) = events(post(batch, **BATCH), types=["other"])
    assert event.data["id"] == "2"
    answer = received(post(CLOUD_EVENT, **STRUCTURED), types=["another"])
    assert isinstance(answer, HttpResponse)
    assert answer.status == 200


WRONG: dict[str, tuple[Any, dict[str, str], int, str]] = {
    "no event": ({"a": 1}, {**BEARER}, 415, "this is no CloudEvent"),
    "an unknown format": (b"", {**BEARER, "content-type": "application/cloudevents+avro"}, 415, ""),
    "another version": (CLOUD_EVENT | {"specversion": "0.3"}, STRUCTURED, 400, "send 1.0"),
    "no id": ({**CLOUD_EVENT, "id": ""}, STRUCTURED, 400, "id must be a text"),
    "a number as source": (CLOUD_EVENT | {"source": 1}, STRUCTURED, 400, "source must be a text"),
    "a list as subject": (CLOUD_EVENT | {"subject": []}, STRUCTURED, 400, "subject must be a text"),
    "two kinds of data": (CLOUD_EVENT | {"data_base64": "AA=="}, STRUCTURED, 400, "not both"),
    "an attribute in capitals": (CLOUD_EVENT | {"TraceId": "1"}, STRUCTURED, 400, "lower-case"),
    "a list that is no batch": ([CLOUD_EVENT], STRUCTURED, 400, "an event is a JSON object"),
    "a batch that is no list": (CLOUD_EVENT, BATCH, 400, "a batch is a JSON array"),
    "an empty batch": ([], BATCH, 400, "1 to 100 events, not 0"),
    "a large batch": ([CLOUD_EVENT] * 101, BATCH, 400, "1 to 100 events, not 101"),
    "a wrong event in a batch": ([CLOUD_EVENT, 7], BATCH, 400, "event 1: an event is a JSON"),
    "truncated": (b'{"specversion": "1.0"', STRUCTURED, 400, "not valid JSON"),
}


@pytest.mark.parametrize(("body", "headers", "status", "said"), WRONG.values(), ids=WRONG)
def test_what_is_no_event_is_refused_in_words(
    body: Any, headers: dict[str, str], status: int, said: str
) -> None:
    answer = received(post(body, **headers))
    assert isinstance(answer, HttpResponse)
    assert (answer.status, said in answer.message) == (status, True), answer.message


def test_an_unverified_event_is_refused_before_it_is_read() -> None:
    answer = received(post(b"garbage", content_type="application/cloudevents+json"))
    assert isinstance(answer, HttpResponse)
    assert answer.status == 401


@pytest.mark.parametrize(
    ("allowed", "origin", "status"),
    [
        (["eventgrid.azure.net"], "eventgrid.azure.net", 200),
        (["*"], "anything.example.com", 200),
        (["eventgrid.azure.net"], "evil.example.com", 401),
        ([], "eventgrid.azure.net", 401),
        (["*"], "", 401),
    ],
)
def test_the_handshake_is_answered_for_allowed_origins(
    allowed: list[str], origin: str, status: int
) -> None:
    headers = {"webhook-request-origin": origin, "webhook-request-rate": "120"}
    answer = received(HttpRequest("OPTIONS", headers, {}, b"", AT), allowedOrigins=allowed)
    assert isinstance(answer, HttpResponse)
    assert answer.status == status
    if status == 200:
        assert answer.headers["WebHook-Allowed-Origin"] == origin
        assert answer.headers["WebHook-Allowed-Rate"] == "*"


def test_the_data_of_a_structured_event_keeps_its_nulls() -> None:
    body = orjson.dumps(CLOUD_EVENT | {"data": {"a": None}})
    (event,) = events(post(body, **STRUCTURED))
    assert event.data["data"] == {"a": None}
