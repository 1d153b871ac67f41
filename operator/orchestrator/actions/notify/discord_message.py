"""discord-message: post a message to a Discord channel."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SecretStr, model_validator

from orchestrator.actions.action import Action, Context, Outputs
from orchestrator.actions.rest import api, message_of
from orchestrator.actions.sending import WithTimeout, classify


class DiscordMessage(WithTimeout):
    """Parameters of discord-message."""

    webhook_url: SecretStr
    """URL of a webhook of the channel."""
    text: Annotated[str, Field(max_length=2000)] = ""
    """Text, with Discord's Markdown; at most 2000 characters."""
    username: Annotated[str, Field(max_length=80)] = ""
    """Name to show instead of the webhook's."""
    embeds: Annotated[list[dict[str, Any]], Field(max_length=10)] = []
    """Embeds, at most 10."""
    thread_id: Annotated[str, Field(pattern=r"^[0-9]{0,20}$")] = ""
    """Id of a thread of the channel to post to."""
    mentions: bool = False
    """Whether mentions in the text, such as @everyone, notify people."""

    @model_validator(mode="after")
    def _complete(self) -> DiscordMessage:
        if not (self.text or self.embeds):
            raise ValueError("give text or embeds")
        return self


class DiscordPosted(Outputs):
    """Outputs of discord-message."""

    id: str
    """Id of the message."""
    channel_id: str
    """Id of its channel."""


def discord_message(parameters: DiscordMessage, context: Context) -> DiscordPosted:
    """Posts a message to a Discord channel, by a webhook."""
    message = {
        "content": parameters.text,
        "username": parameters.username,
        "embeds": parameters.embeds,
    }
    body: dict[str, Any] = {name: value for name, value in message.items() if value}
    if not parameters.mentions:
        body["allowed_mentions"] = {"parse": []}
    query = {"wait": "true", "thread_id": parameters.thread_id or None}
    url = parameters.webhook_url.get_secret_value()
    with api(
        "Discord", url, parameters, context, reason=message_of("errors", "message"), secret_url=True
    ) as discord:
        posted = discord.json("POST", "", params=query, json=body)
    context.log(f"posted message {posted['id']}")
    return DiscordPosted(id=posted["id"], channel_id=posted["channel_id"])


ACTION = Action(
    name="discord-message",
    title="Post a Discord message",
    category="notify",
    icon="message",
    parameters=DiscordMessage,
    outputs=DiscordPosted,
    run=discord_message,
    retries=(
        "Retried: no connection, no response in time, rate limits longer than the timeout, 5xx. "
        "Not retried: a webhook or message that Discord refuses. Webhooks have no idempotency key: "
        "after a lost response, a retry posts the message again."
    ),
    classify=classify,
    example="""
        variables:
        - {name: webhook, type: secret, secretKeyRef: {name: discord, key: url}}
        nodes:
        - name: announce
          action: discord-message
          with:
            webhookUrl: "$[[ vars.webhook ]]"
            text: "**$[[ workflow.name ]]** has started"
    """,
)
