"""The incident actions on PagerDuty, ServiceNow and Jira Service Management, by strict stubs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator.actions.action import FAILED, PERMANENT, USAGE, ActionError, Context
from orchestrator.actions.registry import load
from tests.incident_lifecycle import LINK, run_lifecycle
from tests.vendors import jira, pagerduty, servicenow
from tests.vendors.stub import LOST, Fault

PROVES = {
    "strict stubs of PagerDuty, ServiceNow and Jira Service Management": [
        "incident-create", "incident-update", "incident-assign", "incident-escalate",
        "incident-note", "incident-resolve",
    ]
}  # fmt: skip


@dataclass
class Service:
    """A backend with its stub, and how people and teams are named in it."""

    stub: Any
    parameters: dict[str, Any]
    assignee: str
    escalation: str
    name: str
    """Its name in messages."""


def _services() -> dict[str, Service]:
    return {
        "pagerduty": Service(
            pagerduty.PagerDuty(),
            {
                "user": pagerduty.USER,
                "token": pagerduty.TOKEN,
                "options": {"service": pagerduty.SERVICE},
            },
            pagerduty.USER,
            pagerduty.POLICY,
            "PagerDuty",
        ),
        "servicenow": Service(
            servicenow.ServiceNow(),
            {"user": servicenow.USER, "token": servicenow.PASSWORD},
            "ana@example.com",
            "Network",
            "ServiceNow",
        ),
        "jsm": Service(
            jira.Jira(),
            {
                "user": jira.USER,
                "token": jira.TOKEN,
                "options": {"serviceDesk": "10", "requestType": "25"},
            },
            "ana@example.com",
            jira.BO,
            "Jira",
        ),
    }


KINDS = tuple(_services())


@pytest.fixture(params=KINDS)
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    found = _services()[request.param]
    with found.stub as stub:
        found.parameters |= {"backend": request.param, "url": stub.url}
        yield found


def attempt(service: Service, context: Context, action: str, /, node: str, **own: Any) -> Any:
    """The outputs of an attempt of a node."""
    known = load(action)
    parameters = known.parameters.model_validate({**service.parameters, **own})
    identity = replace(context.identity, node=node, key=f"u1/{node}/0")
    return known.run(parameters, replace(context, identity=identity))


def refusal(service: Service, context: Context, action: str, **own: Any) -> ActionError:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - classified below
        attempt(service, context, action, node="n", **own)
    if isinstance(caught.value, ActionError):
        return caught.value
    known = load(action).classify(caught.value)
    assert known is not None, caught.value
    return known


def test_an_incident_has_the_same_life_in_every_service(
    service: Service, context: Context, log: list[str]
) -> None:
    def run(action: str, /, node: str, **own: Any) -> dict[str, Any]:
        outputs = attempt(service, context, action, node=node, **own)
        assert outputs.url.startswith("http")
        return dict(outputs.model_dump(mode="json"))

    run_lifecycle(run, service.assignee, service.escalation)
    text = "\n".join(log)
    assert service.parameters["token"] not in text
    assert "opened incident" in text
    assert "added a note" in text


def test_what_is_written_is_seen_in_the_service(service: Service, context: Context) -> None:
    opened = attempt(
        service, context, "incident-create", node="open", title="t" * 256, severity="Critical",
        summary="503", links=[LINK], assignee=service.assignee,
    )  # fmt: skip
    attempt(service, context, "incident-note", node="n", name=opened.name, text="one note")
    attempt(
        service, context, "incident-escalate", node="e", name=opened.name,
        escalation=service.escalation, summary="no answer",
    )  # fmt: skip
    match service.stub:
        case pagerduty.PagerDuty() as stub:
            incident, notes = stub.incidents[opened.name], stub.notes[opened.name]
            assert incident["urgency"] == "high"
            assert incident["body"]["details"] == "503\nGraph https://graphs.example.com/1"
            assert incident["assignments"][0]["assignee"]["id"] == "PXPGF42"
            assert incident["escalation_policy"]["id"] == pagerduty.POLICY
        case servicenow.ServiceNow() as stub:
            (incident,) = stub.incidents.values()
            notes = stub.work_notes[incident["sys_id"]][::-1]
            assert (incident["impact"], incident["urgency"], incident["priority"]) == (
                "1", "1", "1",
            )  # fmt: skip
            assert incident["description"] == "503\nGraph https://graphs.example.com/1"
            assert incident["assigned_to"]["value"] == servicenow.ANA
            assert incident["assignment_group"]["value"] == servicenow.NETWORK
        case jira.Jira() as stub:
            incident = stub.issues[opened.name]
            comments = stub.comments[opened.name][::-1]
            assert not any(comment["public"] for comment in comments)
            notes = [comment["body"] for comment in comments]
            assert incident["priority"] == {"name": "Highest"}
            assert incident["description"].startswith("503\nGraph https://graphs.example.com/1")
            assert incident["assignee"] == {"accountId": jira.ANA}
            assert stub.participants[opened.name] == [jira.BO]
    assert [note.partition("\n")[0] for note in notes] == ["one note", "no answer"]
    assert all("shop/check/run/" in note for note in notes)


def test_a_lost_response_opens_no_second_incident(service: Service, context: Context) -> None:
    def open_one() -> Any:
        return attempt(service, context, "incident-create", node="open", title="x")

    service.stub.fail(Fault(), LOST)  # the search, then the creation
    with pytest.raises(Exception) as caught:  # noqa: PT011 - classified below
        open_one()
    error = load("incident-create").classify(caught.value)
    assert error is not None
    assert error.exit_code == FAILED
    assert open_one().created
    created = [each for each in service.stub.requests if each.method == "POST"]
    assert len(created) == 1


def test_a_name_is_reused_until_it_is_resolved(service: Service, context: Context) -> None:
    def open_named(node: str) -> Any:
        return attempt(service, context, "incident-create", node=node, title="x", name="db")

    first, second = open_named("a"), open_named("b")
    assert (first.created, second.created, second.name) == (True, False, first.name)
    attempt(service, context, "incident-resolve", node="c", name=first.name)
    third = open_named("d")
    assert (third.created, third.state) == (True, "Open")
    assert third.name != first.name


def test_refusals_are_permanent_and_name_no_secret(service: Service, context: Context) -> None:
    missing = refusal(service, context, "incident-resolve", name="X-404")
    assert (missing.exit_code, "X-404" in str(missing)) == (PERMANENT, True)
    opened = attempt(service, context, "incident-create", node="o", title="x").name
    wrong = {"name": opened, "assignee": "nobody@example.com"}
    unknown = refusal(service, context, "incident-assign", **wrong)
    assert "has no user nobody@example.com" in str(unknown)
    assert unknown.exit_code == PERMANENT
    service.parameters["token"] = "wrong-token"
    error = refusal(service, context, "incident-note", name=opened, text="x")
    assert str(error).startswith(f"{service.name} responded to GET")
    assert ("with 401: " in str(error), error.exit_code) == (True, PERMANENT)
    assert "wrong-token" not in str(error)


def test_limits_are_waited_for_and_failures_are_worth_a_retry(
    service: Service, context: Context, clock: Any
) -> None:
    service.stub.fail(Fault(429, {"Retry-After": "3"}), Fault(429, {"RateLimit-Reset": "4"}))
    opened = attempt(service, context, "incident-create", node="o", title="x").name
    assert clock.seconds == 7
    service.stub.fail(Fault(429, {"Retry-After": "Thu, 01 Jan 2026 00:01:00 GMT"}))
    error = refusal(service, context, "incident-resolve", name=opened, timeout="10s")
    assert (error.exit_code, "asks to wait 53 s" in str(error)) == (FAILED, True)
    service.stub.fail(Fault(503))
    error = refusal(service, context, "incident-resolve", name=opened)
    assert (error.exit_code, "503" in str(error)) == (FAILED, True)
    service.stub.fail(Fault(200))
    error = refusal(service, context, "incident-resolve", name=opened)
    assert (error.exit_code, "did not respond with JSON" in str(error)) == (PERMANENT, True)


@pytest.mark.parametrize(
    ("action", "parameters", "words"),
    [
        ("incident-create", {"title": "x", "token": "t"}, "backend incident takes no token"),
        ("incident-create", {"title": "x", "backend": "pagerduty"}, "needs token, user"),
        ("incident-create", {"title": "x", "backend": "servicenow"}, "needs token, url"),
        ("incident-create", {"title": "x", "backend": "jsm"}, "needs token, url, user"),
        ("incident-resolve", {"name": "INC1"}, "must be a name of an Incident"),
        ("incident-resolve", {"name": "../x"}, "pattern"),
        ("incident-note", {"name": "x", "text": ""}, "text"),
        ("incident-update", {"name": "x"}, "nothing to change"),
        ("incident-resolve", {"name": "x", "backend": "jsm", "url": "https://a:b@c"}, "url"),
    ],
)
def test_parameters_that_do_not_fit_the_backend_are_refused(
    action: str, parameters: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        load(action).parameters.model_validate(parameters)


@pytest.mark.parametrize(
    ("kind", "options", "exit_code", "words"),
    [
        ("pagerduty", {}, PERMANENT, "needs options.service"),
        ("pagerduty", {"servcie": "x"}, USAGE, "options.servcie: Extra inputs"),
        ("pagerduty", {"service": "NONE"}, PERMANENT, "incident.service.id: 'NONE' is not one of"),
        ("jsm", {}, PERMANENT, "needs options.serviceDesk and options.requestType"),
        ("servicenow", {"closeCode": ""}, USAGE, "options.closeCode"),
    ],
)
def test_options_of_a_service_are_checked(
    context: Context, kind: str, options: dict[str, str], exit_code: int, words: str
) -> None:
    service = _services()[kind]
    with service.stub as stub:
        service.parameters |= {"backend": kind, "url": stub.url, "options": options}
        error = refusal(service, context, "incident-create", title="x")
    assert (error.exit_code, words in str(error)) == (exit_code, True), error


def test_what_a_service_cannot_do_is_said(context: Context) -> None:
    pager = _services()["pagerduty"]
    with pager.stub as stub:
        pager.parameters |= {"backend": "pagerduty", "url": stub.url}
        both = {"assignee": pager.assignee, "escalation": pager.escalation}
        error = refusal(pager, context, "incident-create", title="x", **both)
        assert "either assignee or escalation" in str(error)
        opened = attempt(pager, context, "incident-create", node="o", title="x").name
        attempt(pager, context, "incident-assign", node="a", name=opened,
                assignee="PTUXL6G", acknowledge=True)  # fmt: skip
        error = refusal(pager, context, "incident-update", name=opened, state="Open")
        assert (error.exit_code, "cannot return incident" in str(error)) == (PERMANENT, True)
        attempt(pager, context, "incident-escalate", node="e", name=opened, escalation="2")
        assert stub.incidents[opened]["escalation_level"] == 2
    desk = _services()["servicenow"]
    with desk.stub as stub:
        desk.parameters |= {"backend": "servicenow", "url": stub.url}
        opened = attempt(desk, context, "incident-create", node="o", title="x").name
        error = refusal(desk, context, "incident-assign", name=opened, assignee="a^ORactive=true")
        assert "must not contain ^" in str(error)
        (incident,) = stub.incidents.values()
        incident["state"] = "7"
        error = refusal(desk, context, "incident-update", name=opened, state="Open")
        assert (error.exit_code, "is closed" in str(error)) == (PERMANENT, True)
        desk.parameters |= {"user": "", "token": servicenow.OAUTH}
        assert attempt(desk, context, "incident-resolve", node="r", name=opened).repeated
