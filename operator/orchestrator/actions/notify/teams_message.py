"""teams-message: post a message to a channel or chat of Microsoft Teams."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, SecretStr, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs
from orchestrator.actions.rest import api, body_of
from orchestrator.actions.sending import WithTimeout, classify

MAX_MESSAGE = 28 * 1024
"""Maximum size of a message in bytes:
https://learn.microsoft.com/microsoftteams/limits-specifications-teams."""
CARD = "application/vnd.microsoft.card.adaptive"


class Color(StrEnum):
    """The colors of an Adaptive Card's text."""

    DEFAULT = "default"
    GOOD = "good"
    WARNING = "warning"
    ATTENTION = "attention"


class TeamsMessage(WithTimeout):
    """Parameters of teams-message."""

    webhook_url: SecretStr
    """URL of a flow of the Workflows app that starts when a Teams webhook request is received."""
    title: Annotated[str, Field(max_length=1024)] = ""
    """Title, above the text."""
    text: Annotated[str, Field(max_length=20000)] = ""
    """Text, with the Markdown of Adaptive Cards."""
    color: Color = Color.DEFAULT
    """Color of the title."""
    facts: dict[str, str] = {}
    """Names and values, shown as a table below the text."""
    links: Annotated[list[dict[str, str]], Field(max_length=6)] = []
    """Buttons that open pages: objects with title and url."""
    card: dict[str, Any] | None = None
    """A whole Adaptive Card instead of title, text, facts and links."""

    @model_validator(mode="after")
    def _complete(self) -> TeamsMessage:
        parts = bool(self.title or self.text or self.facts or self.links)
        if parts == (self.card is not None):
            raise ValueError("give either card, or title, text, facts or links")
        if self.card is not None and self.card.get("type") != "AdaptiveCard":
            raise ValueError("card.type must be AdaptiveCard")
        for i, link in enumerate(self.links):
            if set(link) != {"title", "url"}:
                raise ValueError(f"links.{i} needs title and url, and nothing else")
        return self


class Posted(Outputs):
    """Outputs of teams-message."""

    status: int
    """HTTP status of the response; 202 means that the flow has started."""


def teams_message(parameters: TeamsMessage, context: Context) -> Posted:
    """Posts a message to a channel or chat of Microsoft Teams, through a flow of Workflows."""
    card = parameters.card if parameters.card is not None else _card(parameters)
    attachment = {"contentType": CARD, "contentUrl": None, "content": card}
    message = {"type": "message", "attachments": [attachment]}
    size = len(json.dumps(message).encode())
    if size > MAX_MESSAGE:
        raise ActionError(
            f"the message is {size} bytes of JSON, more than the {MAX_MESSAGE} of Teams",
            permanent=True,
        )
    url = parameters.webhook_url.get_secret_value()
    with api("Teams", url, parameters, context, reason=_reason, secret_url=True) as teams:
        status = teams.call("POST", "", json=message).status_code
    context.log(f"Teams accepted the message with {status}")
    return Posted(status=status)


def _card(parameters: TeamsMessage) -> dict[str, Any]:
    body: list[dict[str, Any]] = []
    if parameters.title:
        style = {"size": "large", "weight": "bolder", "color": parameters.color.value}
        body.append({"type": "TextBlock", "text": parameters.title, "wrap": True, **style})
    if parameters.text:
        body.append({"type": "TextBlock", "text": parameters.text, "wrap": True})
    if parameters.facts:
        facts = [{"title": name, "value": value} for name, value in parameters.facts.items()]
        body.append({"type": "FactSet", "facts": facts})
    actions = [{"type": "Action.OpenUrl", **link} for link in parameters.links]
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        **({"actions": actions} if actions else {}),
        "msteams": {"width": "Full"},
    }


def _reason(response: Any) -> str:
    """The message of an error of Power Automate."""
    body = body_of(response)
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else ""


ACTION = Action(
    name="teams-message",
    title="Post a Microsoft Teams message",
    category="notify",
    icon="message",
    parameters=TeamsMessage,
    outputs=Posted,
    run=teams_message,
    retries=(
        "Retried: no connection, no response in time, rate limits longer than the timeout, 5xx. "
        "Not retried: a URL or card that the flow refuses. Flows have no idempotency key: after a "
        "lost response, a retry posts the message again."
    ),
    classify=classify,
    example="""
        variables:
        - {name: webhook, type: secret, secretKeyRef: {name: teams, key: url}}
        nodes:
        - name: announce
          action: teams-message
          with:
            webhookUrl: "$[[ vars.webhook ]]"
            title: The web shop is down
            color: attention
            text: "Started by **$[[ workflow.name ]]**"
            facts: {Service: shop, Severity: High}
            links: [{title: Runbook, url: "https://runbooks.example.com/shop"}]
    """,
)
