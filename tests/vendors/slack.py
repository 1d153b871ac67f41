"""Slack's chat.postMessage, as https://docs.slack.dev/reference/methods/chat.postMessage has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.planted import planted
from tests.vendors.stub import RefusedError, Request, Response, Stub, conform, json_response

TOKEN = planted("slack", "xoxb-17653672481-")
CHANNELS = {"#ops": "C024BE91L", "C024BE91L": "C024BE91L"}
_MESSAGE = {
    "type": "object",
    "properties": {
        "channel": {"type": "string", "minLength": 1},
        "text": {"type": "string", "minLength": 1, "maxLength": 40000},
        "blocks": {"type": "array", "minItems": 1, "maxItems": 50},
        "thread_ts": {"type": "string", "pattern": "^[0-9]+[.][0-9]+$"},
    },
    "required": ["channel"],
    "anyOf": [{"required": ["text"]}, {"required": ["blocks"]}],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Message:
    """A message that was posted."""

    channel: str
    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)


class SlackStub(Stub):
    """Slack with one workspace, whose bot is in the channels of CHANNELS."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []
        self.route("POST", "/api/chat.postMessage", self.post)

    @property
    def api(self) -> str:
        """The URL of its API."""
        return f"{self.url}/api"

    def error(self, refusal: RefusedError) -> Response:
        """Slack answers its own errors with 200."""
        return json_response(200, {"ok": False, "error": refusal.message})

    def post(self, request: Request) -> Response:
        """Post a message, of a bot with its token in the header."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            raise RefusedError(200, "invalid_auth")
        body = request.json({"type": "object"})
        if body.get("channel") not in CHANNELS:
            raise RefusedError(200, "channel_not_found")
        if not (body.get("text") or body.get("blocks")):
            raise RefusedError(200, "no_text")
        try:
            conform(body, _MESSAGE)
        except RefusedError:
            raise RefusedError(200, "invalid_arguments") from None
        channel = CHANNELS[body["channel"]]
        self.messages.append(Message(channel, body.get("text", ""), body.get("blocks", [])))
        stamp = f"1503435956.{len(self.messages):06}"
        return json_response(200, {"ok": True, "channel": channel, "ts": stamp})
