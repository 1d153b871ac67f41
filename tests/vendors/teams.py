"""A flow of Microsoft Teams' Workflows that starts when a Teams webhook request is received.

https://learn.microsoft.com/power-automate/teams/ and https://adaptivecards.io/explorer/
"""

from __future__ import annotations

from typing import Any

from tests.planted import planted
from tests.vendors.stub import RefusedError, Request, Response, Stub, json_response

FLOW, SIGNATURE = "f10wf10wf10wf10w", planted("teams")
_TEXT = {
    "type": "object",
    "properties": {
        "type": {"const": "TextBlock"},
        "text": {"type": "string", "minLength": 1},
        "wrap": {"type": "boolean"},
        "size": {"enum": ["default", "small", "medium", "large", "extraLarge"]},
        "weight": {"enum": ["default", "lighter", "bolder"]},
        "color": {"enum": ["default", "dark", "light", "accent", "good", "warning", "attention"]},
    },
    "required": ["type", "text"],
    "additionalProperties": False,
}
_FACTS = {
    "type": "object",
    "properties": {
        "type": {"const": "FactSet"},
        "facts": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"title": {"type": "string"}, "value": {"type": "string"}},
                "required": ["title", "value"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["type", "facts"],
}
_OPEN_URL = {
    "type": "object",
    "properties": {
        "type": {"const": "Action.OpenUrl"},
        "title": {"type": "string"},
        "url": {"type": "string", "pattern": "^https?://"},
    },
    "required": ["type", "url"],
    "additionalProperties": False,
}
_CARD = {
    "type": "object",
    "properties": {
        "$schema": {"const": "http://adaptivecards.io/schemas/adaptive-card.json"},
        "type": {"const": "AdaptiveCard"},
        "version": {"enum": ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"]},
        "body": {"type": "array", "items": {"anyOf": [_TEXT, _FACTS]}},
        "actions": {"type": "array", "minItems": 1, "maxItems": 6, "items": _OPEN_URL},
        "msteams": {"type": "object"},
    },
    "required": ["type", "version"],
    "additionalProperties": False,
}
MESSAGE = {
    "type": "object",
    "properties": {
        "type": {"const": "message"},
        "attachments": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "contentType": {"const": "application/vnd.microsoft.card.adaptive"},
                    "contentUrl": {"type": "null"},
                    "content": _CARD,
                },
                "required": ["contentType", "content"],
            },
        },
    },
    "required": ["type", "attachments"],
}


class Teams(Stub):
    """A flow that posts cards to a channel; its URL is the secret."""

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[dict[str, Any]] = []
        self.route("POST", "/workflows/{flow}/triggers/manual/paths/invoke", self.invoke)

    @property
    def webhook(self) -> str:
        """The URL of the flow."""
        path = f"/workflows/{FLOW}/triggers/manual/paths/invoke"
        return f"{self.url}{path}?api-version=2016-06-01&sp=%2Ftriggers&sv=1.0&sig={SIGNATURE}"

    def error(self, refusal: RefusedError) -> Response:
        codes = {401: "DirectApiInvalidAuthorizationScheme", 404: "WorkflowNotFound"}
        code = codes.get(refusal.status, "TriggerInputSchemaMismatch")
        error = {"error": {"code": code, "message": refusal.message}}
        return json_response(refusal.status, error)

    def invoke(self, request: Request, flow: str) -> Response:
        if flow != FLOW:
            raise RefusedError(404, "The workflow could not be found.")
        if request.query.get("sig") != [SIGNATURE] or "api-version" not in request.query:
            raise RefusedError(401, "The provided authorization is not valid.")
        if len(request.body) > 28 * 1024:
            raise RefusedError(413, "The request is too large.")
        message = request.json(MESSAGE)
        self.cards += [each["content"] for each in message["attachments"]]
        return Response(202)
