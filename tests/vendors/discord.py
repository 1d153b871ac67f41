"""Discord's webhooks: https://docs.discord.com/developers/resources/webhook#execute-webhook."""

from __future__ import annotations

from typing import Any

from tests.planted import planted
from tests.vendors.stub import RefusedError, Request, Response, Stub, json_response

HOOK, TOKEN = "1234567890", planted("discord")
THREAD = "42"
MESSAGE = {
    "type": "object",
    "properties": {
        "content": {"type": "string", "minLength": 1, "maxLength": 2000},
        "username": {"type": "string", "minLength": 1, "maxLength": 80},
        "avatar_url": {"type": "string"},
        "embeds": {"type": "array", "minItems": 1, "maxItems": 10, "items": {"type": "object"}},
        "allowed_mentions": {
            "type": "object",
            "properties": {
                "parse": {"type": "array", "items": {"enum": ["roles", "users", "everyone"]}}
            },
        },
    },
    "anyOf": [{"required": ["content"]}, {"required": ["embeds"]}],
}


class Discord(Stub):
    """A channel with one webhook, whose URL is the secret, and one thread."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self.route("POST", "/api/webhooks/{hook}/{token}", self.execute)

    @property
    def webhook(self) -> str:
        """The URL of the webhook."""
        return f"{self.url}/api/webhooks/{HOOK}/{TOKEN}"

    def error(self, refusal: RefusedError) -> Response:
        codes = {401: 50027, 404: 10015}
        code = codes.get(refusal.status, 50035)
        return json_response(refusal.status, {"message": refusal.message, "code": code})

    def execute(self, request: Request, hook: str, token: str) -> Response:
        if hook != HOOK:
            raise RefusedError(404, "Unknown Webhook")
        if token != TOKEN:
            raise RefusedError(401, "Invalid Webhook Token")
        if request.query.get("thread_id", [THREAD]) != [THREAD]:
            raise RefusedError(400, "Unknown Channel")
        message = request.json(MESSAGE)
        self.messages.append(message)
        if request.query.get("wait") != ["true"]:
            return Response(204)
        return json_response(200, {"id": str(len(self.messages)), "channel_id": "7"})
