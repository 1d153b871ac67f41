"""`apiEndpoint`: a caller whom the API server authenticates and authorizes posts JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from pydantic import Field

from orchestrator.engine.times import to_rfc3339
from orchestrator.models.base import Json, Line, Model, Timestamp
from orchestrator.triggers.bodies import JSON, MAX_ID, content_type, is_json, read_json
from orchestrator.triggers.sources import (
    Event,
    HttpRequest,
    HttpResponse,
    Requests,
    Sample,
    Sending,
)
from orchestrator.triggers.trigger_type import TriggerType
from orchestrator.validation.inputs import check_value
from orchestrator.validation.problem import Problem
from orchestrator.validation.schemas import check_schema


class ApiEndpoint(Model):
    """Calls of users and programs that may `create` `triggers/fire` in the namespace."""

    body_schema: Annotated[dict[str, Json] | None, Field(alias="schema", max_length=100)] = None
    """JSON Schema of the body, with the keywords that an approval's inputs have; any object if
    absent."""
    require_idempotency_key: bool = False
    """Refuses calls without the header Idempotency-Key. Without it, each call is an event of its
    own, also one that is repeated."""


class Call(Model):
    """The event: a call."""

    id: Line
    """The Idempotency-Key, or a random id."""
    caller: Line
    """The user that the API server knows the caller as."""
    body: Json
    """The body."""
    received_at: Timestamp
    """When the receiver got it."""


def receive(
    settings: ApiEndpoint, request: HttpRequest, _: Sequence[bytes]
) -> Sequence[Event] | HttpResponse:
    """The event of an authorized call, whose requester is the caller."""
    key = request.headers.get("idempotency-key", "")
    if not key and settings.require_idempotency_key:
        return HttpResponse(400, "the header Idempotency-Key is required")
    if len(key) > MAX_ID:
        return HttpResponse(400, f"Idempotency-Key has more than {MAX_ID} characters")
    body: Json = {}
    if request.body:
        if not is_json(content_type(request)):
            return HttpResponse(415, "the content type must be application/json")
        body = read_json(request.body)
    if isinstance(body, HttpResponse):
        return body
    if not isinstance(body, dict):
        return HttpResponse(400, "the body must be a JSON object")
    if settings.body_schema is not None and (
        problem := check_value("body", settings.body_schema, body)
    ):
        return HttpResponse(400, problem)
    data = {
        "id": key or request.id,
        "caller": request.caller,
        "body": body,
        "receivedAt": to_rfc3339(request.received_at),
    }
    # A key is the caller's own: no call of another user is taken for a repetition of it.
    identity = f"key/{len(request.caller)}/{request.caller}/{key}" if key else f"id/{request.id}"
    requester = request.caller
    return [Event(API_ENDPOINT.key, identity, data, request.received_at, requester=requester)]


def _problems(path: str, settings: ApiEndpoint) -> Iterable[Problem]:
    if settings.body_schema is not None:
        for where, words in check_schema(f"{path}.schema", settings.body_schema):
            yield Problem(where, words)


def _sign(_: ApiEndpoint, sending: Sending, secret: bytes) -> Mapping[str, str]:
    """The secret is the caller's token for the API server."""
    return {"Authorization": f"Bearer {secret.decode()}", "Idempotency-Key": sending.id}


API_ENDPOINT = TriggerType(
    key="apiEndpoint",
    starts="Starts when a caller with the right to fire it calls its endpoint.",
    settings=ApiEndpoint,
    event=Call,
    source=Requests(
        secrets=lambda _: (),
        receive=receive,
        sample=lambda _settings, _at: Sample(JSON, b"{}"),
        sign=_sign,
        authenticates=True,
    ),
    problems=_problems,
)
