"""Each vendor's stub refuses what the vendor refuses, in the vendor's form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.vendors import discord, jira, opsgenie, pagerduty, servicenow, teams, twilio
from tests.vendors.pagerduty import PagerDuty
from tests.vendors.stub import Stub

PAGERDUTY = {"Authorization": f"Token token={pagerduty.TOKEN}", "From": pagerduty.USER}
INCIDENT = {
    "type": "incident",
    "title": "x",
    "service": {"id": pagerduty.SERVICE, "type": "service_reference"},
}
EVENT = {
    "routing_key": pagerduty.ROUTING_KEY,
    "event_action": "trigger",
    "payload": {"summary": "x", "source": "y", "severity": "error"},
}
NOW = (servicenow.USER, servicenow.PASSWORD)
JIRA = (jira.USER, jira.TOKEN)
TWILIO = (twilio.ACCOUNT, twilio.TOKEN)
ISSUE = {"project": {"key": "OPS"}, "issuetype": {"name": "Task"}, "summary": "x"}
REQUEST = {"serviceDeskId": "10", "requestTypeId": "25", "requestFieldValues": {"summary": "x"}}


def incident(**changes: Any) -> dict[str, Any]:
    changed = {**INCIDENT, **changes}
    return {"incident": {name: value for name, value in changed.items() if value is not None}}


def event(**changes: Any) -> dict[str, Any]:
    changed = {**EVENT, **changes}
    return {name: value for name, value in changed.items() if value is not None}


def issue(**changes: Any) -> dict[str, Any]:
    changed = {**ISSUE, **changes}
    return {"fields": {name: value for name, value in changed.items() if value is not None}}


def refused(stub: Stub, status: int, words: str, call: str, **options: Any) -> None:
    """Assert that a request, as `METHOD /path`, is refused with these words in its body."""
    method, _, path = call.partition(" ")
    response = requests.request(method, stub.url + path, timeout=30, **options)
    assert (response.status_code, words in response.text) == (status, True), response.text


@pytest.fixture
def account() -> Iterator[PagerDuty]:
    with PagerDuty() as stub:
        yield stub


@pytest.mark.parametrize(
    ("headers", "body", "status", "words"),
    [
        ({}, incident(), 401, "Unauthorized"),
        ({"Authorization": f"Bearer {pagerduty.TOKEN}"}, incident(), 401, "Unauthorized"),
        ({**PAGERDUTY, "From": ""}, incident(), 400, "Requester User Not Found"),
        ({**PAGERDUTY, "From": "eve@example.com"}, incident(), 400, "Requester User Not Found"),
        (PAGERDUTY, INCIDENT, 400, "'incident' is a required property"),
        (PAGERDUTY, incident(title=None), 400, "'title' is a required property"),
        (PAGERDUTY, incident(title="x" * 256), 400, "incident.title: "),
        (PAGERDUTY, incident(service=None), 400, "'service' is a required property"),
        (PAGERDUTY, incident(service={"id": "P1", "type": "service_reference"}), 400, "'P1'"),
        (PAGERDUTY, incident(urgency="critical"), 400, "'critical' is not one of"),
        (PAGERDUTY, incident(severity="high"), 400, "'severity' was unexpected"),
    ],
)
def test_pagerduty_refuses_incidents(
    account: PagerDuty, headers: dict[str, str], body: Any, status: int, words: str
) -> None:
    refused(account, status, words, "POST /incidents", headers=headers, json=body)
    assert account.incidents == {}


def test_pagerduty_refuses_what_its_state_forbids(account: PagerDuty) -> None:
    url, body = f"{account.url}/incidents", incident(incident_key="k")
    assert requests.post(url, json=body, headers=PAGERDUTY, timeout=30).status_code == 201
    refused(account, 400, "matching dedup key", "POST /incidents", headers=PAGERDUTY, json=body)
    (name,) = account.incidents

    def move(to: str, status: int, words: str, name: str = name) -> None:
        body = {"incident": {"type": "incident", "status": to}}
        refused(account, status, words, f"PUT /incidents/{name}", headers=PAGERDUTY, json=body)

    move("triggered", 400, "'triggered' is not one of")
    move("resolved", 404, "Incident Not Found", "Q404")
    move("resolved", 200, name)
    move("acknowledged", 400, "Incident Already Resolved")
    notes = f"POST /incidents/{name}/notes"
    refused(account, 400, "content", notes, headers=PAGERDUTY, json={"note": {"text": "x"}})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (event(routing_key="0" * 32), "was expected"),
        (event(routing_key="short"), "is too short"),
        (event(event_action="open"), "'open' is not one of"),
        (event(payload=None), "'payload' is a required property"),
        (event(payload={"summary": "x", "source": "y"}), "'severity' is a required property"),
        (event(payload={**EVENT["payload"], "severity": "High"}), "'High' is not one of"),  # type: ignore[dict-item]
        (event(event_action="resolve"), "'dedup_key' is a required property"),
    ],
)
def test_pagerduty_refuses_events(account: PagerDuty, body: Any, words: str) -> None:
    refused(account, 400, words, "POST /v2/enqueue", json=body)
    assert account.events == []


@pytest.mark.parametrize(
    ("call", "status", "words", "options"),
    [
        ("POST ", 401, "User Not Authenticated", {"json": {"short_description": "x"}}),
        ("POST ", 401, "User Not Authenticated", {"auth": ("automation", "no"), "json": {}}),
        ("POST ", 415, "Content-Type", {"auth": NOW, "data": "short_description=x"}),
        ("POST ", 400, "'title' was unexpected", {"auth": NOW, "json": {"title": "x"}}),
        ("POST ", 400, "is too long", {"auth": NOW, "json": {"short_description": "x" * 161}}),
        ("POST ", 400, "is not one of", {"auth": NOW, "json": {"assigned_to": "ana"}}),
        ("POST ", 403, "Data Policy Exception", {"auth": NOW, "json": {"state": "6"}}),
        ("GET /" + "a" * 32, 404, "No Record found", {"auth": NOW}),
        ("GET ?sysparm_query=number~1", 400, "Invalid query", {"auth": NOW}),
    ],
)
def test_servicenow_refuses(call: str, status: int, words: str, options: dict[str, Any]) -> None:
    method, _, path = call.partition(" ")
    with servicenow.ServiceNow() as stub:
        refused(stub, status, words, f"{method} /api/now/table/incident{path}", **options)
        assert stub.incidents == {}


@pytest.mark.parametrize(
    ("call", "status", "words", "options"),
    [
        ("POST /rest/api/2/issue", 401, "must be authenticated", {"json": issue()}),
        ("POST /rest/api/2/issue", 400, "'summary' is a req", {"json": issue(summary=None)}),
        ("POST /rest/api/2/issue", 400, "summary", {"json": issue(summary="two\nlines")}),
        ("POST /rest/api/2/issue", 400, "'NO' is not", {"json": issue(project={"key": "NO"})}),
        ("POST /rest/api/2/issue", 400, "'Epic' is", {"json": issue(issuetype={"name": "Epic"})}),
        ("POST /rest/api/2/issue", 400, "labels", {"json": issue(labels=["two words"])}),
        ("POST /rest/api/2/issue", 400, "unexpected", {"json": issue(colour="red")}),
        ("GET /rest/api/2/issue/OPS-9", 404, "does not exist", {}),
        ("GET /rest/api/2/search/jql?jql=labels", 400, "Error in the JQL", {}),
        (
            "POST /rest/servicedeskapi/request",
            400,
            "'25' was expected",
            {"json": {**REQUEST, "requestTypeId": "1"}},
        ),
        (
            "POST /rest/servicedeskapi/request",
            400,
            "'priority' was unexpected",
            {"json": {**REQUEST, "requestFieldValues": {"summary": "x", "priority": "High"}}},
        ),
    ],
)
def test_jira_refuses(call: str, status: int, words: str, options: dict[str, Any]) -> None:
    with jira.Jira() as stub:
        auth = None if status == 401 else JIRA
        refused(stub, status, words, call, auth=auth, **options)
        assert stub.issues == {}


def test_jira_refuses_what_the_workflow_of_an_issue_forbids() -> None:
    with jira.Jira() as stub:
        url = f"{stub.url}/rest/api/2/issue"
        assert requests.post(url, json=issue(), auth=JIRA, timeout=30).status_code == 201
        for way, status, words in (("21", 400, "is not valid for this issue"), ("31", 204, "")):
            call, body = "POST /rest/api/2/issue/OPS-1/transitions", {"transition": {"id": way}}
            refused(stub, status, words, call, auth=JIRA, json=body)


@pytest.mark.parametrize(
    ("form", "auth", "status", "words"),
    [
        ({}, None, 401, '"code": 20003'),
        ({}, (twilio.ACCOUNT, "no"), 401, '"code": 20003'),
        ({}, (twilio.KEY, twilio.TOKEN), 401, '"code": 20003'),
        ({"Body": "x", "From": twilio.NUMBER}, TWILIO, 400, '"code": 21604'),
        ({"To": "5", "Body": "x", "From": twilio.NUMBER}, TWILIO, 400, '"code": 21211'),
        ({"To": "+15", "From": twilio.NUMBER}, TWILIO, 400, '"code": 21602'),
        ({"To": "+15", "Body": "x"}, TWILIO, 400, '"code": 21603'),
        ({"To": "+15", "Body": "x", "From": "+1"}, TWILIO, 400, '"code": 21606'),
        ({"To": "+15", "Body": "x" * 1601, "From": twilio.NUMBER}, TWILIO, 400, '"code": 21617'),
        ({"To": "+15", "Body": "x", "MessagingServiceSid": "MG1"}, TWILIO, 400, '"code": 21701'),
        ({"To": "+15", "Text": "x", "From": twilio.NUMBER}, TWILIO, 400, "unexpected"),
    ],
)
def test_twilio_refuses(form: dict[str, str], auth: Any, status: int, words: str) -> None:
    with twilio.Twilio() as stub:
        call = f"POST /2010-04-01/Accounts/{twilio.ACCOUNT}/Messages.json"
        refused(stub, status, words, call, data=form, auth=auth)
        refused(stub, 401 if status == 401 else 415, "", call, json=form, auth=auth)
        assert stub.messages == []


@pytest.mark.parametrize(
    ("path", "key", "body", "status", "words"),
    [
        ("", "", {"message": "x"}, 401, "Authorization is wrong"),
        ("", opsgenie.KEY, {}, 422, "'message' is a required property"),
        ("", opsgenie.KEY, {"message": "x" * 131}, 422, "message: "),
        ("", opsgenie.KEY, {"message": "x", "priority": "High"}, 422, "is not one of"),
        ("", opsgenie.KEY, {"message": "x", "responders": [{"name": "a"}]}, 422, "'type' is a req"),
        ("/a/close", opsgenie.KEY, {}, 422, "identifier is not a valid"),
        ("/a/close?identifierType=alias", opsgenie.KEY, {"x": 1}, 422, "unexpected"),
        ("/a/open?identifierType=alias", opsgenie.KEY, {}, 404, "there is no"),
    ],
)
def test_opsgenie_refuses(path: str, key: str, body: Any, status: int, words: str) -> None:
    with opsgenie.Opsgenie() as stub:
        headers = {"Authorization": f"GenieKey {key}"}
        refused(stub, status, words, f"POST /v2/alerts{path}", headers=headers, json=body)
        assert stub.alerts == {}


CARD = {"type": "AdaptiveCard", "version": "1.4"}


def card(**changes: Any) -> dict[str, Any]:
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": CARD | changes}]}


@pytest.mark.parametrize(
    ("wrong", "body", "status", "words"),
    [
        (teams.SIGNATURE, card(), 401, "authorization is not valid"),
        (teams.FLOW, card(), 404, "could not be found"),
        ("", {"text": "x"}, 400, "is a required property"),
        ("", {"type": "message", "attachments": []}, 400, "attachments: "),
        ("", card(version="2.0"), 400, "is not one of"),
        ("", card(body=[{"type": "Text", "text": "x"}]), 400, "is not valid"),
        ("", card(actions=[{"type": "Action.OpenUrl"}]), 400, "'url' is a required property"),
        ("", card(body=[{"type": "TextBlock", "text": "x" * 30000}]), 413, "too large"),
    ],
)
def test_teams_refuses(wrong: str, body: Any, status: int, words: str) -> None:
    with teams.Teams() as stub:
        url = stub.webhook.replace(wrong, "x") if wrong else stub.webhook
        refused(stub, status, words, f"POST {url.removeprefix(stub.url)}", json=body)
        assert stub.cards == []


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        (f"/{discord.HOOK}/no", {"content": "x"}, 401, "Invalid Webhook Token"),
        (f"/1/{discord.TOKEN}", {"content": "x"}, 404, "Unknown Webhook"),
        (f"/{discord.HOOK}/{discord.TOKEN}", {}, 400, "is not valid"),
        (f"/{discord.HOOK}/{discord.TOKEN}", {"content": "x" * 2001}, 400, "content: "),
        (f"/{discord.HOOK}/{discord.TOKEN}?thread_id=1", {"content": "x"}, 400, "Unknown Channel"),
    ],
)
def test_discord_refuses(path: str, body: Any, status: int, words: str) -> None:
    with discord.Discord() as stub:
        refused(stub, status, words, f"POST /api/webhooks{path}", json=body)
        assert stub.messages == []
