"""slack-message: post a message to a Slack channel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, SecretStr, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs
from orchestrator.actions.sending import WithTimeout, classify, session
from orchestrator.models.base import parse_duration

if TYPE_CHECKING:
    import requests

    from orchestrator.actions.http_session import Session

TRANSIENT_ERRORS = frozenset(
    {
        "fatal_error",
        "internal_error",
        "ratelimited",
        "rate_limited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    }
)
"""Transient errors of chat.postMessage: https://docs.slack.dev/reference/methods/chat.postMessage"""


class SlackMessage(WithTimeout):
    """Parameters of slack-message."""

    text: Annotated[str, Field(max_length=40000)] = ""
    """Message in Slack's mrkdwn; with blocks, the text of notifications."""
    channel: str = ""
    """Name or id of the channel, with a bot token; a webhook has its own channel."""
    webhook_url: SecretStr | None = None
    """URL of an incoming webhook; give either this or token."""
    token: SecretStr | None = None
    """Bot token with the scope chat:write."""
    blocks: Annotated[list[dict[str, Any]], Field(max_length=50)] = []
    """Block Kit blocks, at most 50."""
    thread_ts: str = ""
    """The output ts of the message to reply to in a thread."""
    api_url: Annotated[str, Field(pattern=r"^https?://\S+$")] = "https://slack.com/api"
    """URL of Slack's API, with a bot token."""

    @model_validator(mode="after")
    def _complete(self) -> SlackMessage:
        if bool(self.webhook_url) == bool(self.token):
            raise ValueError("give either webhookUrl or token, from a secret variable")
        if self.token and not self.channel:
            raise ValueError("a bot token needs a channel")
        if not (self.text or self.blocks):
            raise ValueError("give text or blocks")
        return self


class SlackAnswer(Outputs):
    """Outputs of slack-message."""

    channel: str = ""
    """Id of the channel, if sent with a token."""
    ts: str = ""
    """Timestamp of the message, which identifies it in its channel; if sent with a token."""


def slack_message(parameters: SlackMessage, context: Context) -> SlackAnswer:
    """Posts a message to a Slack channel, by a bot or by an incoming webhook."""
    with session() as http:
        if parameters.webhook_url:
            url = parameters.webhook_url.get_secret_value()
            _check_webhook(_post(http, url, {}, _message(parameters), parameters, context))
            context.log("sent through the webhook")
            return SlackAnswer()
        token = parameters.token.get_secret_value() if parameters.token else ""
        response = _post(
            http,
            f"{parameters.api_url.rstrip('/')}/chat.postMessage",
            {"Authorization": f"Bearer {token}"},
            {"channel": parameters.channel, **_message(parameters)},
            parameters,
            context,
        )
    answer = _checked(response)
    context.log(f"sent to {parameters.channel}")
    return SlackAnswer(channel=answer.get("channel", ""), ts=answer.get("ts", ""))


def _message(parameters: SlackMessage) -> dict[str, Any]:
    message = {
        "text": parameters.text,
        "blocks": parameters.blocks,
        "thread_ts": parameters.thread_ts,
    }
    return {name: value for name, value in message.items() if value}


def _post(
    http: Session,
    url: str,
    headers: dict[str, str],
    message: dict[str, Any],
    parameters: SlackMessage,
    context: Context,
) -> requests.Response:
    """The response, after waiting for rate limits as long as the timeout allows."""
    deadline = context.clock.monotonic() + parse_duration(parameters.timeout)
    while True:
        left = deadline - context.clock.monotonic()
        response = http.post(
            url,
            data=json.dumps(message).encode(),
            headers={"Content-Type": "application/json; charset=utf-8", **headers},
            timeout=max(left, 0.1),
            allow_redirects=False,
        )
        if response.status_code != 429:
            return response
        wait = _retry_after(response)
        if context.clock.monotonic() + wait >= deadline:
            raise ActionError(f"Slack limits the rate and asks to wait {wait:g} s")
        context.log(f"Slack limits the rate, waiting {wait:g} s")
        context.clock.sleep(wait)


def _retry_after(response: requests.Response) -> float:
    """Seconds to wait, from Slack's response; https://docs.slack.dev/apis/web-api/rate-limits."""
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 1.0


def _check_webhook(response: requests.Response) -> None:
    """A webhook answers 200 `ok`, or 4xx with the error as plain text."""
    if response.status_code == 200:
        return
    error = response.text[:100].strip() or response.reason
    raise ActionError(
        f"Slack's webhook refused the message: {response.status_code} {error}",
        permanent=response.status_code < 500,
    )


def _checked(response: requests.Response) -> dict[str, Any]:
    """chat.postMessage answers 200 with `ok: false` when it refuses."""
    if response.status_code >= 500:
        raise ActionError(f"Slack answered {response.status_code} {response.reason}")
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if response.status_code != 200 or not isinstance(answer, dict):
        raise ActionError(f"Slack answered {response.status_code} without JSON", permanent=True)
    if not answer.get("ok"):
        error = str(answer.get("error", "unknown_error"))
        raise ActionError(
            f"Slack refused the message: {error}", permanent=error not in TRANSIENT_ERRORS
        )
    return answer


ACTION = Action(
    name="slack-message",
    title="Post a Slack message",
    category="notify",
    icon="message",
    parameters=SlackMessage,
    outputs=SlackAnswer,
    run=slack_message,
    retries=(
        "Retried: no connection, no response in time, rate limits longer than the timeout, 5xx and "
        "Slack's transient errors. Not retried: a token, channel or message that Slack refuses. "
        "Slack has no idempotency key: after a lost response, a retry posts the message again."
    ),
    classify=classify,
    example="""
        variables:
        - {name: token, type: secret, secretKeyRef: {name: slack, key: bot-token}}
        nodes:
        - name: announce
          action: slack-message
          with:
            channel: "#ops"
            text: "$[[ workflow.name ]] has started"
            token: "$[[ vars.token ]]"
    """,
)
