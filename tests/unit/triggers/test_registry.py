"""What each type of trigger declares is what it does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from orchestrator.engine.times import from_rfc3339
from orchestrator.models.docstrings import description
from orchestrator.models.trigger import TriggerSpec
from orchestrator.triggers.registry import REGISTRY, Trigger
from orchestrator.triggers.sources import Event, HttpRequest, HttpResponse, Requests
from orchestrator.triggers.trigger_type import TriggerType
from orchestrator.triggers.types.alert import ALERT
from orchestrator.triggers.types.api_endpoint import API_ENDPOINT
from orchestrator.triggers.types.email import EMAIL
from orchestrator.triggers.types.email import event_of as event_of_mail
from orchestrator.triggers.types.event import EVENT
from orchestrator.triggers.types.execution import EXECUTION, event_of
from orchestrator.triggers.types.file_watch import FILE_WATCH, FileWatch, Found
from orchestrator.triggers.types.file_watch import event_of as event_of_file
from orchestrator.triggers.types.schedule import SCHEDULE, Schedule, evaluate
from orchestrator.triggers.types.webhook import WEBHOOK
from tests.signed_requests import ALERTMANAGER, CLOUD_EVENT, SECRET, SECRETS, github_headers, post
from tests.unit.triggers.mail.messages import WITH_FILES
from tests.unit.triggers.watched_objects import WATCHED

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "triggers.md"
AT = from_rfc3339("2026-01-31T12:00:00Z")
FAILED: dict[str, Any] = {
    "metadata": {"name": "run", "uid": "u", "namespace": "ns"},
    "spec": {"workflow": "build"},
    "status": {"phase": "Failed", "finishedAt": "2026-01-31T12:00:00Z"},
}
SUCCEEDED: dict[str, Any] = {
    **FAILED,
    "spec": {"workflow": "build", "requester": "ana"},
    "status": {
        "phase": "Succeeded",
        "reason": "Completed",
        "message": "all nodes ended",
        "revision": "build-1",
        "outputs": {"image": "build:1", "layers": [1, None]},
        "startedAt": "2026-01-31T11:59:00Z",
        "finishedAt": "2026-01-31T12:00:00Z",
    },
}


def slot(**fields: Any) -> Event:
    (event,) = evaluate(Schedule(cron="0 * * * *", **fields), "u", AT - 60, AT).events
    return event


def received(type_: TriggerType[Any], request: HttpRequest, settings: Any) -> Event:
    """The event of a verified request."""
    assert isinstance(type_.source, Requests)
    parsed = type_.settings.model_validate(settings)
    found = type_.source.receive(parsed, request, [SECRET])
    assert not isinstance(found, HttpResponse)
    (event,) = found
    return event


TOKEN = {"bearer": {"secrets": SECRETS}}
AUTHORIZED = {"authorization": f"Bearer {SECRET.decode()}"}
STRUCTURED = {**AUTHORIZED, "content-type": "application/cloudevents+json"}
BINARY = {
    **AUTHORIZED,
    "content-type": "application/octet-stream",
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/a",
    "ce-type": "b",
}
PUSH = post(b'{"ref": "refs/heads/main"}', **github_headers(b'{"ref": "refs/heads/main"}'))

BUCKET = {"s3": {"bucket": "orders", "credentials": {"name": "storage"}}}
FOLDER = {"volume": {"name": "shared"}}
FOUND = Found("in/a.csv", 3, AT, "9dd4e461", AT)

EVENTS: list[tuple[TriggerType[Any], Event]] = [
    (SCHEDULE, slot()),
    (SCHEDULE, slot(time_zone="Europe/Berlin")),
    (WEBHOOK, received(WEBHOOK, PUSH, {"github": {"secrets": SECRETS}})),
    (WEBHOOK, received(WEBHOOK, post([1, None], **AUTHORIZED), TOKEN)),
    (EVENT, received(EVENT, post(CLOUD_EVENT | {"content": 1}, **STRUCTURED), TOKEN)),
    (EVENT, received(EVENT, post(b"\xff\x00", **BINARY), TOKEN)),
    (ALERT, received(ALERT, post(ALERTMANAGER, **AUTHORIZED), TOKEN)),
    (API_ENDPOINT, received(API_ENDPOINT, post({"x": 1}, caller="ana"), {})),
    (EMAIL, event_of_mail(WITH_FILES, 1)),
    (FILE_WATCH, event_of_file(FileWatch.model_validate(BUCKET), FOUND)),
    (FILE_WATCH, event_of_file(FileWatch.model_validate(FOLDER), FOUND)),
    (EXECUTION, event_of(FAILED)),
    (EXECUTION, event_of(SUCCEEDED)),
    *WATCHED,
]


def test_an_event_of_every_type_is_tried() -> None:
    assert {type_.key for type_, _ in EVENTS} == {type_.key for type_ in REGISTRY.types}


@pytest.mark.parametrize(("type_", "event"), EVENTS)
def test_an_event_is_what_its_schema_says(type_: TriggerType[Any], event: Event) -> None:
    described = type_.event.model_validate(event.data)
    assert described.model_dump(mode="json", by_alias=True) == event.data
    assert event.type == type_.key


@pytest.mark.parametrize("type_", REGISTRY.types)
def test_every_field_of_a_type_and_its_event_is_described(type_: TriggerType[Any]) -> None:
    for model in (type_.settings, type_.event):
        assert [name for name in model.model_fields if not description(model, name)] == []


@pytest.mark.parametrize("type_", REGISTRY.types)
def test_the_reference_names_every_field_of_a_type_and_its_event(type_: TriggerType[Any]) -> None:
    lines = REFERENCE.read_text().splitlines()
    (row,) = [line for line in lines if line.startswith(f"| `{type_.key}: ")]
    settings, event = row.rsplit("|", 2)[0], row.rsplit("|", 2)[1]
    assert [each for each in _names(type_.settings) if each not in settings] == []
    assert re.findall(r"`(\w+)`", event) == _names(type_.event)


def _names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def test_a_spec_is_read_as_its_type_and_the_settings_of_that() -> None:
    read = REGISTRY.read({"workflow": "w", "schedule": {"cron": "0 3 * * *"}, "suspend": True})
    assert isinstance(read, Trigger)
    assert (read.type, read.settings) == (SCHEDULE, Schedule(cron="0 3 * * *"))
    assert isinstance(read.spec, TriggerSpec)
    assert read.spec.suspend


def test_triggers_listen_to_the_same_whatever_else_differs() -> None:
    specs: list[dict[str, Any]] = [
        {"workflow": "w", "schedule": {"cron": "0 3 * * *"}},
        {"workflow": "other", "schedule": {"cron": "0 3 * * *"}, "suspend": True},
        {"workflow": "w", "schedule": {"cron": "0 4 * * *"}},
        {"workflow": "w", "execution": {}},
    ]
    first, *others = [read for spec in specs if isinstance(read := REGISTRY.read(spec), Trigger)]
    assert [first.listens_as(other) for other in others] == [True, False, False]
