"""jira-issue and servicenow-incident against strict stubs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator.actions.action import FAILED, PERMANENT, Context
from orchestrator.actions.registry import load
from tests.examples import example
from tests.unit.actions.in_process import failure, perform
from tests.vendors import jira, servicenow
from tests.vendors.jira import Jira
from tests.vendors.servicenow import ServiceNow
from tests.vendors.stub import LOST, Fault

PROVES = {
    "strict stub of Jira": ["jira-issue"],
    "strict stub of ServiceNow": ["servicenow-incident"],
}


@pytest.fixture
def site() -> Iterator[Jira]:
    with Jira() as stub:
        yield stub


@pytest.fixture
def desk() -> Iterator[ServiceNow]:
    with ServiceNow() as stub:
        yield stub


def on(site: Jira, **more: Any) -> dict[str, Any]:
    return {"url": site.url, "user": jira.USER, "token": jira.TOKEN, **more}


def at(desk: ServiceNow, **more: Any) -> dict[str, Any]:
    own = {"url": desk.url, "user": servicenow.USER, "token": servicenow.PASSWORD}
    return {**own, **more}


def test_an_issue_is_created_once_and_closed(site: Jira, context: Context, log: list[str]) -> None:
    wanted = on(
        site, project="OPS", issueType="Bug", summary="shop is slow", description="p95 is 3 s",
        priority="High", assignee="ana@example.com", labels=["shop"],
        fields={"customfield_10010": "x"}, comment="see the graph", status="In Progress",
    )  # fmt: skip
    outputs = perform("jira-issue", context, **wanted)
    assert outputs == {
        "key": "OPS-1",
        "url": f"{site.url}/browse/OPS-1",
        "status": "In Progress",
        "created": True,
    }
    assert perform("jira-issue", context, **wanted) == outputs, "a retry finds it"
    (issue,) = site.issues.values()
    assert (issue["priority"], issue["issuetype"]) == ({"name": "High"}, {"name": "Bug"})
    assert (issue["assignee"], issue["labels"][0]) == ({"accountId": jira.ANA}, "shop")
    assert issue["customfield_10010"] == "x"
    (comment,) = site.comments["OPS-1"]
    assert comment["body"].startswith("see the graph\n\nshop/check/run/probe (itw")
    closed = perform("jira-issue", context, **on(site, issue="OPS-1", status="done", summary="y"))
    assert (closed["status"], closed["created"]) == ("Done", False)
    assert site.issues["OPS-1"]["summary"] == "y"
    assert jira.TOKEN not in "".join(log)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token": "wr0ng"}, "with 401"),
        ({"project": "NOPE"}, "'NOPE' is not one of"),
        ({"issueType": "Epic"}, "'Epic' is not one of"),
        ({"priority": "Urgent"}, "priority.name: 'Urgent' is not one of"),
        ({"assignee": "eve@example.com"}, "has no user eve@example.com"),
        ({"assignee": "cy@example.com"}, "is hidden in Jira, write the account id"),
        ({"status": "Closed"}, "no transition of issue OPS-1 to Closed; possible: Done, In Pro"),
        ({"fields": {"colour": "red"}}, "'colour' was unexpected"),
    ],
)
def test_what_jira_refuses_is_permanent(
    site: Jira, context: Context, changes: dict[str, Any], words: str
) -> None:
    error = failure(
        "jira-issue", context, **on(site, **{"project": "OPS", "summary": "x", **changes})
    )
    assert (words in str(error), error.exit_code) == (True, PERMANENT), error
    assert "wr0ng" not in str(error)


def test_an_issue_that_does_not_exist_is_permanent(site: Jira, context: Context) -> None:
    error = failure("jira-issue", context, **on(site, issue="OPS-9", comment="x"))
    assert error.exit_code == PERMANENT


def test_an_incident_is_created_once_and_resolved(
    desk: ServiceNow, context: Context, log: list[str]
) -> None:
    wanted = at(
        desk, summary="shop is slow", impact=2, urgency=1, caller="bo", assignee="ana",
        assignmentGroup="Network", workNote="see the graph", fields={"category": "software"},
    )  # fmt: skip
    outputs = perform("servicenow-incident", context, **wanted)
    assert (outputs["number"], outputs["state"], outputs["created"]) == ("INC0000001", "1", True)
    assert outputs["sysId"] in outputs["url"]
    assert perform("servicenow-incident", context, **wanted) == outputs, "a retry finds it"
    (incident,) = desk.incidents.values()
    assert (incident["impact"], incident["urgency"]) == ("2", "1")
    assert incident["assigned_to"]["value"] == servicenow.ANA
    assert incident["category"] == "software"
    (note,) = desk.work_notes[outputs["sysId"]]
    assert note.startswith("see the graph\n\nshop/check/run/probe (itw")
    resolution = {"state": "6", "closeCode": "Solution provided", "closeNotes": "restarted"}
    number = {"incident": "INC0000001"}
    closed = perform("servicenow-incident", context, **at(desk, **number, **resolution))
    assert (closed["state"], closed["created"]) == ("6", False)
    assert servicenow.PASSWORD not in "".join(log)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token": "wr0ng"}, "401: User Not Authenticated"),
        ({"state": "6"}, "403: Operation Failed: Data Policy Exception"),
        ({"state": "9"}, "state: '9' is not one of"),
        ({"assignee": "eve"}, "has no user eve"),
        ({"assignmentGroup": "a^b"}, "must not contain ^"),
        ({"assignmentGroup": " JavaScript:gs.log()"}, "must not begin with javascript:"),
        ({"fields": {"colour": "red"}}, "'colour' was unexpected"),
        ({"incident": "INC0000009"}, "has no incident INC0000009"),
    ],
)
def test_what_servicenow_refuses_is_permanent(
    desk: ServiceNow, context: Context, changes: dict[str, Any], words: str
) -> None:
    error = failure("servicenow-incident", context, **at(desk, summary="x", **changes))
    assert (words in str(error), error.exit_code) == (True, PERMANENT), error
    assert "wr0ng" not in str(error)
    assert desk.incidents == {}


def test_a_lost_response_creates_no_second_ticket(
    site: Jira, desk: ServiceNow, context: Context
) -> None:
    cases: list[tuple[str, Any, dict[str, Any]]] = [
        ("jira-issue", site, on(site, project="OPS", summary="x")),
        ("servicenow-incident", desk, at(desk, summary="x")),
    ]
    for action, stub, parameters in cases:
        stub.fail(Fault(), LOST)  # the search, then the creation
        assert failure(action, context, **parameters).exit_code == FAILED
        assert perform(action, context, **parameters)["created"]
    assert (len(site.issues), len(desk.incidents)) == (1, 1)


@pytest.mark.parametrize(
    ("action", "parameters", "words"),
    [
        ("jira-issue", {"user": "u", "summary": "x"}, "either project"),
        ("jira-issue", {"user": "u", "project": "OPS", "issue": "OPS-1"}, "either project"),
        ("jira-issue", {"user": "u", "project": "OPS"}, "needs a summary"),
        ("jira-issue", {"user": "u", "issue": "../x"}, "issue"),
        ("jira-issue", {"user": "u", "issue": "OPS-1", "summary": "x\ny"}, "summary"),
        ("jira-issue", {"user": "u", "issue": "OPS-1", "labels": ["two words"]}, "labels"),
        ("jira-issue", {"user": "u", "issue": "OPS-1", "fields": {"labels": []}}, "fields must"),
        ("servicenow-incident", {}, "give a summary"),
        ("servicenow-incident", {"incident": "x^y"}, "incident"),
        ("servicenow-incident", {"summary": "x", "impact": 4}, "impact"),
    ],
)
def test_wrong_parameters_are_refused(action: str, parameters: dict[str, Any], words: str) -> None:
    own = {"url": "https://example.com", "token": "t"}
    with pytest.raises(ValidationError, match=words):
        load(action).parameters.model_validate({**own, **parameters})


def test_the_examples_run(site: Jira, desk: ServiceNow, context: Context) -> None:
    opens, closes = example("jira-issue", {"token": jira.TOKEN}, url=site.url, user=jira.USER)
    key = perform("jira-issue", context, **opens)["key"]
    assert perform("jira-issue", context, **{**closes, "issue": key})["status"] == "Done"
    secret = {"password": servicenow.PASSWORD}
    opens, closes = example("servicenow-incident", secret, url=desk.url)
    number = perform("servicenow-incident", context, **opens)["number"]
    resolved = perform("servicenow-incident", context, **{**closes, "incident": number})
    assert resolved["state"] == "6"
