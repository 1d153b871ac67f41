"""`event`: a CloudEvent over HTTP, in binary, structured or batched content mode.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md, and
http-webhook.md beside it for the handshake.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import unquote

import orjson
from pydantic import Field

from orchestrator.engine.times import to_rfc3339
from orchestrator.models.base import Json, Line, Model
from orchestrator.triggers.bodies import JSON, MAX_ID, content_type, is_json, read_json
from orchestrator.triggers.schemes.registry import GENERAL, Authentication
from orchestrator.triggers.sources import (
    Event,
    HttpRequest,
    HttpResponse,
    Requests,
    Sample,
    not_verified,
)
from orchestrator.triggers.trigger_type import TriggerType

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
MAX_BATCH = 100
"""Maximum number of events in a batch."""
_REQUIRED = ("id", "source", "type")
_OPTIONAL = ("subject", "time", "datacontenttype", "dataschema")
_ATTRIBUTE = re.compile(r"[a-z0-9]{1,64}")
Origin = Annotated[str, Field(min_length=1, max_length=253)]


class CloudEvents(Model):
    """CloudEvents that one of these schemes verifies."""

    types: Annotated[list[Line], Field(max_length=32)] = []
    """Only events of these types; of all if empty. Others are answered without starting
    anything."""
    allowed_origins: Annotated[list[Origin], Field(max_length=16)] = []
    """Origins whose handshake (OPTIONS with WebHook-Request-Origin) is answered, such as
    `eventgrid.azure.net`; `*` for any."""


class CloudEvent(Model):
    """The event: the context attributes and the data of a CloudEvent."""

    id: Line
    """Its id, unique within the source."""
    source: Line
    """Where it comes from."""
    type: Line
    """Its type, such as `com.example.order.created`."""
    specversion: Line
    """The version of the specification, 1.0."""
    subject: Line | None
    """What it is about within the source; null if not given."""
    time: Line | None
    """When it happened; null if not given."""
    datacontenttype: Line | None
    """The media type of the data; null if not given."""
    dataschema: Line | None
    """The schema of the data; null if not given."""
    data: Json
    """Its data: parsed JSON, otherwise text; null if there is none or it is binary."""
    data_base64: Line | None
    """Its data in base64, if it is binary; otherwise null."""
    extensions: dict[str, Json]
    """Its extension attributes."""


AUTHENTICATION = Authentication("an event", GENERAL)


def receive(
    settings: CloudEvents, request: HttpRequest, secrets: Sequence[bytes]
) -> Sequence[Event] | HttpResponse:
    """The events of a request, in their order."""
    if request.method == "OPTIONS":
        return _handshake(settings, request)
    if refusal := AUTHENTICATION.refusal(settings, request, secrets):
        return refusal
    found = _read(request)
    if isinstance(found, HttpResponse):
        return found
    events = []
    for at, attributes in enumerate(found):
        event = _event(attributes, request)
        if isinstance(event, str):
            return HttpResponse(400, f"event {at}: {event}" if len(found) > 1 else event)
        if not settings.types or event.data["type"] in settings.types:
            events.append(event)
    if not events:
        return HttpResponse(200, "no event of a type that starts anything")
    return events


def _handshake(settings: CloudEvents, request: HttpRequest) -> HttpResponse:
    origin = request.headers.get("webhook-request-origin", "")
    if not origin or not {origin, "*"} & set(settings.allowed_origins):
        return not_verified(f"the handshake of {origin[:100]!r} is not of an allowed origin")
    headers = {"WebHook-Allowed-Origin": origin, "Allow": "POST, OPTIONS"}
    if "webhook-request-rate" in request.headers:
        headers["WebHook-Allowed-Rate"] = "*"
    return HttpResponse(200, "", headers)


def _read(request: HttpRequest) -> list[Any] | HttpResponse:
    """The attributes and data of each event, in the form of the structured mode."""
    media_type = content_type(request)
    if media_type.startswith("application/cloudevents"):
        if media_type not in (STRUCTURED, BATCH):
            return HttpResponse(415, f"send events as {STRUCTURED} or {BATCH}, or in binary mode")
        value = read_json(request.body)
        if isinstance(value, HttpResponse) or media_type == STRUCTURED:
            return value if isinstance(value, HttpResponse) else [value]
        if not isinstance(value, list):
            return HttpResponse(400, "a batch is a JSON array of events")
        if not 0 < len(value) <= MAX_BATCH:
            return HttpResponse(400, f"a batch has 1 to {MAX_BATCH} events, not {len(value)}")
        return value
    if "ce-specversion" not in request.headers:
        known = f"{STRUCTURED}, {BATCH}, or the headers ce-specversion, ce-id, ce-source, ce-type"
        return HttpResponse(415, f"this is no CloudEvent: send {known}")
    return _binary(request, media_type)


def _binary(request: HttpRequest, media_type: str) -> list[Any] | HttpResponse:
    attributes: dict[str, Any] = {
        name.removeprefix("ce-"): unquote(text, errors="replace")
        for name, text in request.headers.items()
        if name.startswith("ce-")
    }
    attributes.pop("data", None)
    if given := request.headers.get("content-type"):
        attributes["datacontenttype"] = given
    if not request.body:
        return [attributes]
    if is_json(media_type) or not media_type:
        value = read_json(request.body)
        if isinstance(value, HttpResponse):
            return value
        return [{**attributes, "data": value}]
    try:
        return [{**attributes, "data": request.body.decode()}]
    except UnicodeDecodeError:
        return [{**attributes, "data_base64": base64.b64encode(request.body).decode()}]


def _event(given: Any, request: HttpRequest) -> Event | str:
    """The event, or what is wrong with it."""
    if not isinstance(given, Mapping):
        return "an event is a JSON object"
    if problem := next(_problems(given), ""):
        return problem
    known = {"specversion", "data", "data_base64", *_REQUIRED, *_OPTIONAL}
    data: dict[str, Any] = {name: given[name] for name in ("specversion", *_REQUIRED)}
    data |= {name: given.get(name) for name in _OPTIONAL}
    data["data"], data["dataBase64"] = given.get("data"), given.get("data_base64")
    data["extensions"] = {name: value for name, value in given.items() if name not in known}
    identity = f"{len(data['source'])}/{data['source']}/{data['id']}"
    return Event(EVENT.key, identity, data, request.received_at)


def _problems(given: Mapping[str, Any]) -> Iterator[str]:
    if given.get("specversion") != "1.0":
        yield f"specversion is {str(given.get('specversion'))[:20]!r}; send 1.0"
    for name in _REQUIRED:
        value = given.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= MAX_ID:
            yield f"{name} must be a text of 1 to {MAX_ID} characters"
    for name in (*_OPTIONAL, "data_base64"):
        if not isinstance(given.get(name, ""), str | None):
            yield f"{name} must be a text"
    if given.get("data") is not None and given.get("data_base64") is not None:
        yield "an event has data or data_base64, not both"
    for name in given:
        if name != "data_base64" and not _ATTRIBUTE.fullmatch(name):
            yield f"{name[:64]!r} is not the name of an attribute: lower-case letters and digits"


def _sample(settings: CloudEvents, at: float) -> Sample:
    event = {
        "specversion": "1.0",
        "id": f"sample-{at:.3f}",
        "source": "/sample",
        "type": settings.types[0] if settings.types else "sample",
        "time": to_rfc3339(at),
        "datacontenttype": JSON,
        "data": {"message": "a sample"},
    }
    return Sample(STRUCTURED, orjson.dumps(event))


EVENT = TriggerType(
    key="event",
    starts="Starts when a CloudEvent arrives over HTTP.",
    settings=AUTHENTICATION.model(CloudEvents),
    event=CloudEvent,
    source=Requests(
        secrets=AUTHENTICATION.secrets,
        receive=receive,
        sample=_sample,
        sign=AUTHENTICATION.sign,
        methods=frozenset({"POST", "OPTIONS"}),
    ),
    problems=AUTHENTICATION.problems,
)
