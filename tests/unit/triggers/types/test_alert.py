"""Notifications of Alertmanager and Grafana."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.triggers.sources import Event, HttpResponse
from orchestrator.triggers.types.alert import ALERT, receive
from tests.signed_requests import ALERTMANAGER, SECRET, SECRETS, basic_credentials, post

BEARER = {"authorization": f"Bearer {SECRET.decode()}"}
ALERT_OF_GRAFANA = {
    "status": "firing",
    "labels": {"alertname": "High memory", "grafana_folder": "shop"},
    "annotations": {},
    "startsAt": "2026-01-31T12:59:00+01:00",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "https://grafana/alerting/1/edit",
    "fingerprint": "c6eadffa33fcdf37",
    "silenceURL": "https://grafana/alerting/silence/new",
    "values": {"B": 44.2},
    "valueString": "[ var='B' value=44.2 ]",
}
GRAFANA: dict[str, Any] = {
    "receiver": "workflows",
    "status": "firing",
    "orgId": 1,
    "alerts": [ALERT_OF_GRAFANA],
    "groupLabels": {},
    "commonLabels": {"alertname": "High memory"},
    "commonAnnotations": {},
    "externalURL": "https://grafana/",
    "version": "1",
    "groupKey": '{}:{alertname="High memory"}',
    "truncatedAlerts": 0,
    "title": "[FIRING:1]",
    "state": "alerting",
    "message": "**Firing**",
}


def received(body: Any, **settings: Any) -> Event | HttpResponse:
    given = {"bearer": {"secrets": SECRETS}, **settings}
    found = receive(ALERT.settings.model_validate(given), post(body, **BEARER), [SECRET])
    return found if isinstance(found, HttpResponse) else found[0]


def event(body: Any, **settings: Any) -> Event:
    found = received(body, **settings)
    assert isinstance(found, Event), found
    return found


def alert(starts_at: str, status: str = "firing") -> dict[str, Any]:
    return {**ALERTMANAGER["alerts"][0], "startsAt": starts_at, "status": status}


def test_a_notification_of_alertmanager_is_an_event() -> None:
    data = event(ALERTMANAGER).data
    assert data["commonLabels"] == {"alertname": "High", "severity": "page"}
    assert data["startsAt"] == "2026-01-31T11:59:00.123Z"
    assert data["externalURL"] == "http://alertmanager:9093"
    assert data["alerts"][0]["fingerprint"] == "c0ffee"


def test_a_notification_of_grafana_is_one_too() -> None:
    data = event(GRAFANA).data
    assert data["startsAt"] == "2026-01-31T11:59:00.000Z"
    assert data["commonLabels"]["alertname"] == "High memory"


def test_a_repeated_notification_is_the_same_event_until_the_group_fires_again() -> None:
    first = event(ALERTMANAGER)
    one_more = [*ALERTMANAGER["alerts"], alert("2026-01-31T12:30:00Z")]
    assert event({**ALERTMANAGER, "alerts": one_more}).identity == first.identity
    again = {**ALERTMANAGER, "alerts": [alert("2026-01-31T13:00:00Z")]}
    other = {**ALERTMANAGER, "groupKey": "another"}
    resolved = {
        **ALERTMANAGER,
        "status": "resolved",
        "alerts": [alert(ALERTMANAGER["alerts"][0]["startsAt"], "resolved")],
    }
    both = {"statuses": ["firing", "resolved"]}
    identities = {event(each, **both).identity for each in (ALERTMANAGER, again, other, resolved)}
    assert len(identities) == 4


def test_an_alert_that_is_resolved_does_not_make_the_firing_group_another_event() -> None:
    left = [alert("2026-01-31T10:00:00Z", "resolved"), *ALERTMANAGER["alerts"]]
    assert event({**ALERTMANAGER, "alerts": left}).identity == event(ALERTMANAGER).identity


def test_only_the_statuses_of_the_trigger_start_anything() -> None:
    resolved = {**ALERTMANAGER, "status": "resolved", "alerts": [alert("2026-01-31T10:00:00Z")]}
    answer = received(resolved)
    assert isinstance(answer, HttpResponse)
    assert answer.status == 200
    assert event(resolved, statuses=["resolved"]).data["status"] == "resolved"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": "3"}, "version is not 4"),
        ({"status": "ok"}, "neither firing nor resolved"),
        ({"status": ["firing"]}, "neither firing nor resolved"),
        ({"groupKey": ""}, "there is no groupKey"),
        ({"groupKey": 1}, "there is no groupKey"),
        ({"alerts": []}, "there are no alerts"),
        ({"alerts": {}}, "there are no alerts"),
        ({"alerts": [1]}, "alerts[0].startsAt is not a time"),
        ({"alerts": [{"startsAt": "yesterday"}]}, "alerts[0].startsAt is not a time"),
        ({"alerts": [{"startsAt": "2026-01-31T12:00:00"}]}, "alerts[0].startsAt is not a time"),
        ({"commonLabels": []}, "is not an object"),
    ],
)
def test_what_is_no_notification_is_refused_in_words(changes: dict[str, Any], said: str) -> None:
    answer = received({**ALERTMANAGER, **changes})
    assert isinstance(answer, HttpResponse)
    assert (answer.status, said in answer.message) == (400, True), answer.message


@pytest.mark.parametrize("body", [None, 1, [], "text"])
def test_another_body_is_refused(body: Any) -> None:
    answer = received(body)
    assert isinstance(answer, HttpResponse)
    assert answer.status == 400


def test_a_password_is_accepted_as_alertmanager_sends_it() -> None:
    settings = ALERT.settings.model_validate({"basic": {"username": "am", "secrets": SECRETS}})
    for password, status in ((SECRET.decode(), 202), ("wrong", 401)):
        request = post(ALERTMANAGER, authorization=basic_credentials("am", password))
        found = receive(settings, request, [SECRET])
        assert (found.status if isinstance(found, HttpResponse) else 202) == status


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:00", "1969-12-31T23:59:59Z"])
def test_a_time_that_no_status_can_hold_is_no_time(moment: str) -> None:
    answer = received({**ALERTMANAGER, "alerts": [alert(moment)]})
    assert isinstance(answer, HttpResponse)
    assert answer.status == 400
    assert answer.message.endswith("alerts[0].startsAt is not a time")
