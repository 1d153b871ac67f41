"""Opsgenie's Alert API: https://docs.opsgenie.com/docs/alert-api."""

from __future__ import annotations

from typing import Any

from tests.planted import planted
from tests.vendors.stub import RefusedError, Request, Response, Stub, json_response

KEY = planted("opsgenie", "eb243592-faa2-")
_RESPONDER = {
    "type": "object",
    "properties": {
        "type": {"enum": ["team", "user", "escalation", "schedule"]},
        "id": {"type": "string"},
        "name": {"type": "string"},
        "username": {"type": "string"},
    },
    "required": ["type"],
    "anyOf": [{"required": ["id"]}, {"required": ["name"]}, {"required": ["username"]}],
    "additionalProperties": False,
}
_COMMON = {
    "source": {"type": "string", "maxLength": 100},
    "user": {"type": "string", "maxLength": 100},
    "note": {"type": "string", "maxLength": 25000},
}
CREATE = {
    "type": "object",
    "properties": {
        **_COMMON,
        "message": {"type": "string", "minLength": 1, "maxLength": 130},
        "alias": {"type": "string", "maxLength": 512},
        "description": {"type": "string", "maxLength": 15000},
        "responders": {"type": "array", "maxItems": 50, "items": _RESPONDER},
        "tags": {"type": "array", "maxItems": 20, "items": {"type": "string", "maxLength": 50}},
        "details": {"type": "object", "additionalProperties": {"type": "string"}},
        "entity": {"type": "string", "maxLength": 512},
        "priority": {"enum": ["P1", "P2", "P3", "P4", "P5"]},
    },
    "required": ["message"],
    "additionalProperties": False,
}
CHANGE = {"type": "object", "properties": _COMMON, "additionalProperties": False}


class Opsgenie(Stub):
    """An account with one API integration; alerts by alias."""

    def __init__(self) -> None:
        super().__init__()
        self.alerts: dict[str, dict[str, Any]] = {}
        self.route("POST", "/v2/alerts", self.create)
        self.route("POST", "/v2/alerts/{alias}/acknowledge", self.acknowledge)
        self.route("POST", "/v2/alerts/{alias}/close", self.close)

    def error(self, refusal: RefusedError) -> Response:
        content = {"message": refusal.message, "took": 0.1, "requestId": "r-0"}
        return json_response(refusal.status, content)

    def create(self, request: Request) -> Response:
        self._authorize(request)
        alert = request.json(CREATE, 422)
        alias = alert.get("alias", f"generated-{len(self.alerts)}")
        known = self.alerts.get(alias)
        if known and known["status"] != "closed":
            known["count"] += 1
        else:
            self.alerts[alias] = {**alert, "status": "open", "count": 1}
        return self._accepted()

    def acknowledge(self, request: Request, alias: str) -> Response:
        return self._changed(request, alias, "acknowledged")

    def close(self, request: Request, alias: str) -> Response:
        return self._changed(request, alias, "closed")

    def _changed(self, request: Request, alias: str, status: str) -> Response:
        self._authorize(request)
        request.json(CHANGE, 422)
        if request.query.get("identifierType") != ["alias"]:
            raise RefusedError(422, "identifier is not a valid alert id")
        if alias in self.alerts:  # otherwise the request fails later, when it is processed
            self.alerts[alias]["status"] = status
        return self._accepted()

    def _authorize(self, request: Request) -> None:
        request.demand_header("Authorization", f"GenieKey {KEY}")

    def _accepted(self) -> Response:
        content = {"result": "Request will be processed", "took": 0.1, "requestId": "r-1"}
        return json_response(202, content)
