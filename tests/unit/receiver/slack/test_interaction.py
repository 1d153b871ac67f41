"""The payload of a click in Slack: what is ours is read, and nothing else is acted upon."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.receiver.slack.interaction import PLAIN, Click, Interaction, read_interaction
from orchestrator.triggers.sources import HttpRequest, HttpResponse

FORM = {"content-type": "application/x-www-form-urlencoded"}
VALUE = {"namespace": "shop", "execution": "restart-1", "uid": "u1", "node": "ask"}
REPLY = "https://hooks.slack.com/actions/T1/1/x"


def request(body: bytes, headers: dict[str, str] | None = None) -> HttpRequest:
    return HttpRequest("POST", headers or FORM, {}, body, 1_700_000_000.0)


def payload(**changes: Any) -> dict[str, Any]:
    action = {
        "action_id": "automation/approve",
        "value": json.dumps(VALUE),
        "action_ts": "1700000000.123456",
    }
    return {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": "U1", "username": "ana"},
        "actions": [{**action, **changes.pop("action", {})}],
        "response_url": REPLY,
        **changes,
    }


def read(content: object) -> Interaction | HttpResponse:
    return read_interaction(request(urlencode({"payload": json.dumps(content)}).encode()))


def test_a_click_names_the_person_the_execution_and_the_node() -> None:
    assert read(payload()) == Interaction(
        Click.APPROVE, "T1", "U1", 1700000000.123456, "shop", "restart-1", "u1", "ask", REPLY
    )
    signal = {"action_id": "automation/signal", "value": json.dumps({**VALUE, "signal": "go"})}
    clicked = read(payload(action=signal))
    assert isinstance(clicked, Interaction)
    assert (clicked.click, clicked.subject) == (Click.SIGNAL, "go")


@pytest.mark.parametrize(
    "content",
    [
        {"type": "view_submission"},
        payload(action={"action_id": "their-button"}),
        payload(actions=[]),
        [],
    ],
)
def test_what_is_not_one_of_our_buttons_is_answered_with_200_and_changes_nothing(
    content: object,
) -> None:
    assert read(content) == HttpResponse(200, "", PLAIN)


@pytest.mark.parametrize(
    "action",
    [
        {"action_id": "automation/delete"},
        {"value": "{"},
        {"value": json.dumps({**VALUE, "namespace": "../kube-system"})},
        {"value": json.dumps({**VALUE, "execution": "a/b"})},
        {"value": json.dumps({**VALUE, "node": ""})},
        {"value": json.dumps({**VALUE, "uid": ""})},
        {"value": json.dumps([VALUE])},
        {"action_ts": "yesterday"},
        {"action_ts": "-1"},
    ],
)
def test_a_value_that_slack_message_does_not_write_is_refused(action: dict[str, str]) -> None:
    found = read(payload(action=action))
    assert isinstance(found, HttpResponse)
    assert found.status == 400


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/hooks.slack.com/",
        "http://hooks.slack.com/x",
        7,
        None,
        "https://hooks.slack.com.evil/",
    ],
)
def test_replies_go_to_slack_only(url: object) -> None:
    found = read(payload(response_url=url))
    assert isinstance(found, Interaction)
    assert found.response_url == ""


def test_other_bodies_are_refused_with_what_is_expected() -> None:
    found = read_interaction(request(b"{}", {"content-type": "application/json"}))
    assert isinstance(found, HttpResponse)
    assert (found.status, "application/x-www-form-urlencoded" in found.message) == (415, True)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
PARTS = st.sampled_from(["type", "team", "user", "actions", "response_url"])


@given(JSON, PARTS, JSON)
def test_no_payload_is_an_error_of_ours(content: Any, part: str, other: Any) -> None:
    for one in (content, payload(**{part: other})):
        assert isinstance(read(one), Interaction | HttpResponse)


@given(st.binary(max_size=200))
def test_no_body_is_an_error_of_ours(body: bytes) -> None:
    for whole in (body, b"payload=" + body):
        assert isinstance(read_interaction(request(whole)), HttpResponse)
