"""slack-message: post a message to a Slack channel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, SecretStr, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs
from orchestrator.actions.rest import Api, api, bearer
from orchestrator.actions.sending import WithTimeout, classify

if TYPE_CHECKING:
    import requests

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
ACTION_PREFIX = "automation/"
"""How the action_id of our buttons begins; the receiver answers no others."""
MAX_SECTION = 3000
"""Maximum length of a section's text in characters: https://docs.slack.dev/reference/block-kit."""
MAX_BLOCKS = 50
"""Maximum number of blocks of a message, as documented there."""
MAX_LABEL = 75
"""Maximum length of a button's text in characters."""


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
    blocks: Annotated[list[dict[str, Any]], Field(max_length=MAX_BLOCKS)] = []
    """Block Kit blocks, at most 50."""
    thread_ts: str = ""
    """The output ts of the message to reply to in a thread."""
    approval: Annotated[str, Field(max_length=63)] = ""
    """Approval node of this execution: adds the buttons Approve and Reject, for people whom the
    receiver knows by their Slack user."""
    signal: Annotated[str, Field(max_length=63)] = ""
    """Signal of this execution: adds a button that sends it."""
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
        if (self.approval or self.signal) and len(self.blocks) == MAX_BLOCKS:
            raise ValueError("give at most 49 blocks, since the buttons are another one")
        return self


class SlackAnswer(Outputs):
    """Outputs of slack-message."""

    channel: str = ""
    """Id of the channel, if sent with a token."""
    ts: str = ""
    """Timestamp of the message, which identifies it in its channel; if sent with a token."""


def slack_message(parameters: SlackMessage, context: Context) -> SlackAnswer:
    """Posts a message to a Slack channel, by a bot or by an incoming webhook."""
    message = _message(parameters, context)
    if parameters.webhook_url:
        url = parameters.webhook_url.get_secret_value()
        with api("Slack", url, parameters, context) as slack:
            _check_webhook(slack.send("POST", "", json=message))
        context.log("sent through the webhook")
        return SlackAnswer()
    with api(
        "Slack", parameters.api_url, parameters, context, headers=bearer(parameters.token)
    ) as slack:
        body = {"channel": parameters.channel, **message}
        answer = _checked(slack, slack.send("POST", "/chat.postMessage", json=body))
    context.log(f"sent to {parameters.channel}")
    return SlackAnswer(channel=answer.get("channel", ""), ts=answer.get("ts", ""))


def _message(parameters: SlackMessage, context: Context) -> dict[str, Any]:
    message = {
        "text": parameters.text,
        "blocks": [*parameters.blocks, *_buttons(parameters, context)],
        "thread_ts": parameters.thread_ts,
    }
    return {name: value for name, value in message.items() if value}


def _buttons(parameters: SlackMessage, context: Context) -> list[dict[str, Any]]:
    """The buttons, below the text, which Slack shows only in notifications if there are blocks."""
    buttons = []
    if parameters.approval:
        of = {"node": parameters.approval}
        buttons.append(_button("Approve", "approve", of, context, style="primary"))
        buttons.append(_button("Reject", "reject", of, context, style="danger"))
    if parameters.signal:
        of = {"signal": parameters.signal}
        buttons.append(_button(f"Send {parameters.signal}", "signal", of, context))
    if not buttons:
        return []
    text = {"type": "mrkdwn", "text": parameters.text[:MAX_SECTION]}
    shown = [{"type": "section", "text": text}] if parameters.text and not parameters.blocks else []
    return [*shown, {"type": "actions", "elements": buttons}]


def _button(
    label: str, action: str, of: dict[str, str], context: Context, **style: str
) -> dict[str, Any]:
    """A button whose value names the execution, by uid too: a later one may have its name."""
    value = {
        "namespace": context.identity.namespace,
        "execution": context.identity.execution,
        "uid": context.identity.uid,
        **of,
    }
    return {
        "type": "button",
        "action_id": f"{ACTION_PREFIX}{action}",
        "text": {"type": "plain_text", "text": label[:MAX_LABEL]},
        "value": json.dumps(value),
        **style,
    }


def _check_webhook(response: requests.Response) -> None:
    """A webhook answers 200 `ok`, or 4xx with the error as plain text."""
    if response.status_code == 200:
        return
    error = response.text[:100].strip() or response.reason
    raise ActionError(
        f"Slack's webhook refused the message: {response.status_code} {error}",
        permanent=response.status_code < 500,
    )


def _checked(slack: Api, response: requests.Response) -> dict[str, Any]:
    """chat.postMessage answers 200 with `ok: false` when it refuses."""
    if response.status_code >= 500:
        raise ActionError(f"Slack responded with {response.status_code} {response.reason}")
    answer = slack.parsed(response) if response.status_code == 200 else None
    if not isinstance(answer, dict):
        raise ActionError(
            f"Slack responded with {response.status_code} {response.reason}", permanent=True
        )
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
