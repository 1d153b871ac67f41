"""Calls of API endpoints: who called, with which body, and whether it is a repetition."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.triggers.registry import REGISTRY
from orchestrator.triggers.sources import Event, HttpRequest, HttpResponse
from orchestrator.triggers.types.api_endpoint import API_ENDPOINT, receive
from tests.signed_requests import post

SCHEMA = {
    "type": "object",
    "properties": {"service": {"type": "string", "pattern": "[a-z]+"}, "count": {"maximum": 5}},
    "required": ["service"],
    "additionalProperties": False,
}


def received(request: HttpRequest, **settings: Any) -> Event | HttpResponse:
    found = receive(API_ENDPOINT.settings.model_validate(settings), request, [])
    return found if isinstance(found, HttpResponse) else found[0]


def call(body: Any = None, *, caller: str = "ana", key: str = "") -> HttpRequest:
    headers = {"idempotency-key": key} if key else {}
    return post({} if body is None else body, caller=caller, **headers)


def test_the_caller_is_the_requester() -> None:
    event = received(call({"service": "web"}))
    assert isinstance(event, Event)
    assert event.requester == "ana"
    assert (event.data["caller"], event.data["body"]) == ("ana", {"service": "web"})


def test_a_key_makes_calls_of_the_same_user_the_same_event() -> None:
    def identity(caller: str, key: str) -> str:
        event = received(call(caller=caller, key=key))
        assert isinstance(event, Event)
        return event.identity

    assert identity("ana", "1") == identity("ana", "1")
    assert len({identity("ana", "1"), identity("bob", "1"), identity("ana", "2")}) == 3


def test_without_a_key_each_call_is_an_event_of_its_own() -> None:
    one, two = call(), HttpRequest(**{**_fields(call()), "id": "other"})
    first, second = received(one), received(two)
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert first.identity != second.identity


def _fields(request: HttpRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in HttpRequest.__dataclass_fields__}


def test_a_key_may_be_required() -> None:
    answer = received(call(), requireIdempotencyKey=True)
    assert isinstance(answer, HttpResponse)
    assert (answer.status, answer.message) == (400, "the header Idempotency-Key is required")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "body.service: is required"),
        ({"service": "WEB"}, "body.service: must match '[a-z]+' as a whole"),
        ({"service": "web", "count": 6}, "body.count: must be at most 5, not 6"),
        ({"service": "web", "servise": 1}, "body.servise: is not an input"),
        ([1], "the body must be a JSON object"),
    ],
)
def test_a_body_that_the_schema_refuses_starts_nothing(body: Any, said: str) -> None:
    answer = received(call(body), schema=SCHEMA)
    assert isinstance(answer, HttpResponse)
    assert answer.status == 400
    assert answer.message.startswith(said), answer.message


def test_a_schema_that_could_be_costly_makes_the_trigger_invalid() -> None:
    spec = {"workflow": "w", "apiEndpoint": {"schema": {"anyOf": [{}]}}}
    problems = REGISTRY.read(spec)
    assert isinstance(problems, list)
    assert str(problems[0]).startswith("spec.apiEndpoint.schema.anyOf: anyOf is not a supported")
