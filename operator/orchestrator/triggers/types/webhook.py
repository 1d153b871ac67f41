"""`webhook`: a service or a program posts JSON or a form, and proves that it is theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from orchestrator.engine.times import to_rfc3339
from orchestrator.models.base import Json, Line, Model, Timestamp
from orchestrator.triggers.bodies import (
    FORM,
    JSON,
    MAX_ID,
    body_id,
    content_type,
    read_body,
    read_json,
)
from orchestrator.triggers.schemes.registry import GENERAL, VENDORS, Authentication
from orchestrator.triggers.sources import Event, HttpRequest, HttpResponse, Requests, Sample
from orchestrator.triggers.trigger_type import TriggerType

HEADERS = (
    "user-agent", "x-request-id", "idempotency-key",
    "x-github-event", "x-github-delivery", "x-github-hook-id",
    "x-gitlab-event", "x-gitlab-event-uuid", "x-gitlab-instance",
    "x-slack-retry-num", "x-slack-retry-reason",
    "webhook-id", "webhook-timestamp", "x-webhook-id",
)  # fmt: skip
"""Headers that an event keeps: none that carries a secret or a signature."""
MAX_HEADER = 1024
"""Maximum length of a kept header, in characters; longer ones are left out."""


class Webhook(Model):
    """Requests that one of these schemes verifies."""


class Delivery(Model):
    """The event: a verified request."""

    id: Line
    """Its delivery id, or a hash of its body."""
    headers: dict[str, Json]
    """Its harmless headers by lower-case name, such as `event.headers['x-github-event']`."""
    body: Json
    """Its body: parsed JSON, or the fields of a form; null if it is empty."""
    content_type: Line
    """The media type of the body."""
    received_at: Timestamp
    """When the receiver got it."""


AUTHENTICATION = Authentication("a webhook", (*VENDORS, *GENERAL))


def receive(
    settings: Webhook, request: HttpRequest, secrets: Sequence[bytes]
) -> Sequence[Event] | HttpResponse:
    """The event of a request."""
    if refusal := AUTHENTICATION.refusal(settings, request, secrets):
        return refusal
    body = _unpacked(read_body(request), request)
    if isinstance(body, HttpResponse):
        return body
    scheme, own = AUTHENTICATION.scheme_of(settings)
    if (answer := scheme.answer(request, body)) is not None:
        return answer
    identity = scheme.identity(own, request, body)
    if len(identity) > MAX_ID:
        return HttpResponse(400, f"the delivery id has more than {MAX_ID} characters")
    data = {
        "id": identity or body_id(request),
        "headers": kept_headers(request.headers),
        "body": body,
        "contentType": content_type(request),
        "receivedAt": to_rfc3339(request.received_at),
    }
    return [Event(WEBHOOK.key, str(data["id"]), data, request.received_at)]


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that an event keeps."""
    return {
        name: headers[name]
        for name in HEADERS
        if name in headers and len(headers[name]) <= MAX_HEADER
    }


def _unpacked(body: Any, request: HttpRequest) -> Any:
    """The body; of a form whose field `payload` holds JSON, as Slack and GitHub send it, that."""
    if content_type(request) != FORM or not isinstance(body, dict) or set(body) != {"payload"}:
        return body
    payload = body["payload"]
    if not isinstance(payload, str) or not payload.lstrip().startswith(("{", "[")):
        return body
    return read_json(payload.encode("utf-8", "replace"))


def _sample(_: Webhook, at: float) -> Sample:
    """A body that has a delivery id wherever a scheme finds it."""
    id_ = f"sample-{at:.3f}"
    body = {"id": id_, "event_id": id_, "event": {"id": id_}, "message": "a sample"}
    return Sample(JSON, orjson.dumps(body))


WEBHOOK = TriggerType(
    key="webhook",
    starts="Starts when a verified request arrives, such as a webhook of GitHub or Slack.",
    settings=AUTHENTICATION.model(Webhook),
    event=Delivery,
    source=Requests(
        secrets=AUTHENTICATION.secrets, receive=receive, sample=_sample, sign=AUTHENTICATION.sign
    ),
    problems=AUTHENTICATION.problems,
)
