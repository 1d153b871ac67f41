"""slack-message against a stub that refuses what Slack refuses."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from pydantic import ValidationError

from orchestrator.actions.action import FAILED, PERMANENT, ActionError, Context
from orchestrator.actions.notify.slack_message import ACTION, SlackAnswer, SlackMessage
from tests.examples import example

PROVES = {"strict stub of Slack": ["slack-message"]}

TOKEN = "xoxb-1"
HOOK = "/services/T0/B0/right"


class Slack:
    """chat.postMessage and incoming webhooks, as strict as docs.slack.dev describes them."""

    def __init__(self, server: Any) -> None:
        self.url: str = server.url
        self.messages: list[dict[str, Any]] = []
        self.limit = 0
        self.error: tuple[int, str] | None = None
        server.answer = self.answer

    def answer(self, request: Any) -> SimpleNamespace:
        if self.error:
            return _text(*self.error)
        if self.limit:
            self.limit -= 1
            return _text(429, "ratelimited", {"Retry-After": "3"})
        if request.path == "/api/chat.postMessage":
            return self.post_message(request)
        if request.path.startswith("/services/"):
            return self.webhook(request)
        return _text(404, "not_found")

    def post_message(self, request: Any) -> SimpleNamespace:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not token:
            return _json(ok=False, error="not_authed")
        if (scheme, token) != ("Bearer", TOKEN):
            return _json(ok=False, error="invalid_auth")
        if not request.headers.get("content-type", "").startswith("application/json"):
            return _json(ok=False, error="invalid_post_type")
        message = json.loads(request.body)
        if message.get("channel") not in ("#ops", "C1"):
            return _json(ok=False, error="channel_not_found")
        if not (message.get("text") or message.get("blocks")):
            return _json(ok=False, error="no_text")
        if not _well_formed(message.get("blocks", [])):
            return _json(ok=False, error="invalid_blocks")
        self.messages.append(message)
        return _json(ok=True, channel="C1", ts="1700000000.000100")

    def webhook(self, request: Any) -> SimpleNamespace:
        if request.path != HOOK:
            return _text(404, "no_service")
        try:
            message = json.loads(request.body)
        except ValueError:
            return _text(400, "invalid_payload")
        if not (message.get("text") or message.get("blocks")):
            return _text(400, "no_text")
        self.messages.append(message)
        return _text(200, "ok")


def _well_formed(blocks: list[dict[str, Any]]) -> bool:
    """The limits of https://docs.slack.dev/reference/block-kit for the blocks that we make."""
    buttons = [one for each in blocks for one in each.get("elements", [])]
    sections = [each["text"]["text"] for each in blocks if each["type"] == "section"]
    identities = [one["action_id"] for one in buttons]
    return (
        len(blocks) <= 50
        and all(0 < len(text) <= 3000 for text in sections)
        and all(0 < len(one["text"]["text"]) <= 75 for one in buttons)
        and all(len(one["value"]) <= 2000 and len(one["action_id"]) <= 255 for one in buttons)
        and all(one.get("style", "primary") in ("primary", "danger") for one in buttons)
        and len(identities) == len(set(identities))
    )


def _json(**content: Any) -> SimpleNamespace:
    return _text(200, json.dumps(content), {"Content-Type": "application/json"})


def _text(status: int, text: str, headers: dict[str, str] | None = None) -> SimpleNamespace:
    return SimpleNamespace(status=status, body=text.encode(), headers=headers or {})


@pytest.fixture
def slack(server: Any) -> Slack:
    return Slack(server)


def send(slack: Slack, context: Context, **parameters: Any) -> SlackAnswer:
    by_token = {"token": TOKEN, "channel": "#ops", "apiUrl": f"{slack.url}/api"}
    given = parameters if "webhookUrl" in parameters else {**by_token, **parameters}
    return ACTION.run(SlackMessage.model_validate(given), context)


def refusal(slack: Slack, context: Context, **parameters: Any) -> ActionError:
    with pytest.raises(ActionError) as caught:
        send(slack, context, **parameters)
    return caught.value


def test_a_bot_posts_to_a_channel(slack: Slack, context: Context) -> None:
    answer = send(slack, context, text="hello", threadTs="1.2")
    assert answer == SlackAnswer(channel="C1", ts="1700000000.000100")
    assert slack.messages == [{"channel": "#ops", "text": "hello", "thread_ts": "1.2"}]


def test_the_example_runs(slack: Slack, context: Context) -> None:
    (parameters,) = example("slack-message", {"token": TOKEN})
    assert send(slack, context, **parameters).channel == "C1"


def test_an_approval_is_sent_as_two_buttons_that_name_the_execution(
    slack: Slack, context: Context
) -> None:
    send(slack, context, text="Restart *shop*?", approval="approve", signal="go")
    (message,) = slack.messages
    section, actions = message["blocks"]
    assert section["text"] == {"type": "mrkdwn", "text": "Restart *shop*?"}
    labels = {one["text"]["text"]: one["action_id"] for one in actions["elements"]}
    assert labels == {
        "Approve": "automation/approve",
        "Reject": "automation/reject",
        "Send go": "automation/signal",
    }
    values = [json.loads(one["value"]) for one in actions["elements"]]
    identity = context.identity
    run = {"namespace": identity.namespace, "execution": identity.execution, "uid": identity.uid}
    assert values == [
        {**run, "node": "approve"},
        {**run, "node": "approve"},
        {**run, "signal": "go"},
    ]


def test_buttons_keep_to_the_limits_of_slack(slack: Slack, context: Context) -> None:
    send(slack, context, text="x" * 4000, approval="a" * 63, signal="s" * 63)
    divider = [{"type": "divider"}]
    send(slack, context, text="hello", blocks=divider * 49, approval="a")
    assert len(slack.messages[1]["blocks"]) == 50
    with pytest.raises(ValidationError, match="at most 49 blocks"):
        SlackMessage.model_validate({"webhookUrl": "u", "blocks": divider * 50, "signal": "s"})


def test_a_webhook_posts(slack: Slack, context: Context, log: list[str]) -> None:
    blocks = [{"type": "divider"}]
    send(slack, context, webhookUrl=slack.url + HOOK, text="hello", blocks=blocks)
    assert slack.messages == [{"text": "hello", "blocks": blocks}]
    assert "right" not in "".join(log), "a webhook's address is a secret"


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"token": "xoxb-2"}, "invalid_auth"),
        ({"channel": "#nowhere"}, "channel_not_found"),
    ],
)
def test_what_slack_refuses_is_permanent(
    slack: Slack, context: Context, parameters: dict[str, str], words: str
) -> None:
    error = refusal(slack, context, text="hello", **parameters)
    assert words in str(error)
    assert error.exit_code == PERMANENT


def test_a_wrong_webhook_is_permanent(slack: Slack, context: Context) -> None:
    error = refusal(slack, context, webhookUrl=f"{slack.url}/services/wrong", text="hello")
    assert "404 no_service" in str(error)
    assert "wrong" not in str(error)
    assert error.exit_code == PERMANENT


def test_a_rate_limit_is_waited_out(slack: Slack, context: Context, clock: Any) -> None:
    slack.limit = 2
    send(slack, context, text="hello")
    assert clock.seconds == 6
    assert len(slack.messages) == 1


def test_a_long_rate_limit_is_worth_a_retry(slack: Slack, context: Context) -> None:
    slack.limit = 100
    error = refusal(slack, context, text="hello", timeout="10s")
    assert "wait 3 s" in str(error)
    assert error.exit_code == FAILED


def test_slacks_own_failures_are_worth_a_retry(slack: Slack, context: Context) -> None:
    slack.error = (503, "oops")
    assert refusal(slack, context, text="hello").exit_code == FAILED
    slack.error = (200, '{"ok": false, "error": "internal_error"}')
    assert refusal(slack, context, text="hello").exit_code == FAILED


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"text": "x"}, "either webhookUrl or token"),
        ({"text": "x", "token": "t", "webhookUrl": "https://x"}, "either webhookUrl or token"),
        ({"text": "x", "token": "t"}, "needs a channel"),
        ({"token": "t", "channel": "#ops"}, "give text or blocks"),
    ],
)
def test_incomplete_parameters_are_refused(parameters: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        SlackMessage.model_validate(parameters)


@pytest.mark.parametrize(
    ("path", "headers", "body", "status", "words"),
    [
        ("/api/chat.postMessage", {}, {"channel": "C1", "text": "x"}, 200, "not_authed"),
        ("/api/chat.postMessage", {"Authorization": "Bearer no"}, {}, 200, "invalid_auth"),
        ("/api/chat.postMessage", {"Authorization": f"Basic {TOKEN}"}, {}, 200, "invalid_auth"),
        ("/api/chat.postMessage", {"Authorization": f"Bearer {TOKEN}"}, {}, 200, "channel_not"),
        (
            "/api/chat.postMessage",
            {"Authorization": f"Bearer {TOKEN}"},
            {"channel": "C1"},
            200,
            "no_text",
        ),
        (HOOK, {}, {}, 400, "no_text"),
        ("/services/T0/B0/wrong", {}, {"text": "x"}, 404, "no_service"),
    ],
)
def test_the_stub_refuses_what_slack_refuses(
    slack: Slack, path: str, headers: dict[str, str], body: Any, status: int, words: str
) -> None:
    response = requests.post(slack.url + path, json=body, headers=headers, timeout=10)
    assert response.status_code == status
    assert words in response.text
    assert slack.messages == []
