"""PagerDuty's REST API v2 (incidents, notes, users) and Events API v2, as its reference has them.

https://developer.pagerduty.com/api-reference
"""

from __future__ import annotations

from typing import Any

from tests.planted import planted
from tests.vendors.stub import RefusedError, Request, Response, Stub, conform, json_response

TOKEN = planted("pagerduty", "y_")
USER = "ana@example.com"
ROUTING_KEY = planted("pagerduty events", "e93facc")
SERVICE = "PIJ90N7"
POLICY = "PUS0KTE"
USERS = {"PXPGF42": USER, "PTUXL6G": "bo@example.com"}
DUPLICATE = "Open incident with matching dedup key already exists on this service"


def _reference(kind: str, ids: list[str]) -> dict[str, Any]:
    properties = {"id": {"enum": ids}, "type": {"const": f"{kind}_reference"}}
    return {
        "type": "object",
        "properties": properties,
        "required": ["id", "type"],
        "additionalProperties": False,
    }


_ASSIGNMENTS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {"assignee": _reference("user", list(USERS))},
        "required": ["assignee"],
        "additionalProperties": False,
    },
}
_COMMON: dict[str, Any] = {
    "type": {"enum": ["incident", "incident_reference"]},
    "title": {"type": "string", "minLength": 1, "maxLength": 255},
    "urgency": {"enum": ["high", "low"]},
    "assignments": _ASSIGNMENTS,
    "escalation_policy": _reference("escalation_policy", ["PT20YPA", POLICY]),
}
_DETAILS = {
    "type": "object",
    "properties": {"type": {"const": "incident_body"}, "details": {"type": "string"}},
    "required": ["type"],
    "additionalProperties": False,
}
_EXCLUSIVE = {"not": {"required": ["assignments", "escalation_policy"]}}


def _incident(required: list[str], **properties: Any) -> dict[str, Any]:
    incident = {
        "type": "object",
        "properties": {**_COMMON, **properties},
        "required": required,
        "additionalProperties": False,
        **_EXCLUSIVE,
    }
    return {"type": "object", "properties": {"incident": incident}, "required": ["incident"]}


CREATE = _incident(
    ["type", "title", "service"],
    service=_reference("service", [SERVICE]),
    incident_key={"type": "string", "maxLength": 255},
    body=_DETAILS,
)
UPDATE = _incident(
    ["type"],
    status={"enum": ["acknowledged", "resolved"]},
    escalation_level={"type": "integer", "minimum": 1},
    resolution={"type": "string"},
)
NOTE = {
    "type": "object",
    "properties": {
        "note": {
            "type": "object",
            "properties": {"content": {"type": "string", "minLength": 1}},
            "required": ["content"],
            "additionalProperties": False,
        }
    },
    "required": ["note"],
}
EVENT = {
    "type": "object",
    "properties": {
        "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {"type": "string", "maxLength": 255},
        "payload": {
            "type": "object",
            "properties": {
                "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
                "source": {"type": "string", "minLength": 1},
                "severity": {"enum": ["critical", "error", "warning", "info"]},
                "timestamp": {"type": "string"},
                "component": {"type": "string"},
                "group": {"type": "string"},
                "class": {"type": "string"},
                "custom_details": {"type": "object"},
            },
            "required": ["summary", "source", "severity"],
            "additionalProperties": False,
        },
        "client": {"type": "string"},
        "client_url": {"type": "string"},
        "links": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"href": {"type": "string"}, "text": {"type": "string"}},
                "required": ["href"],
                "additionalProperties": False,
            },
        },
        "images": {"type": "array"},
    },
    "required": ["routing_key", "event_action"],
    "if": {"properties": {"event_action": {"const": "trigger"}}},
    "then": {"required": ["payload"]},
    "else": {"required": ["dedup_key"]},
}


class PagerDuty(Stub):
    """An account with one service, two users and two escalation policies."""

    def __init__(self) -> None:
        super().__init__()
        self.incidents: dict[str, dict[str, Any]] = {}
        self.notes: dict[str, list[str]] = {}
        self.events: list[dict[str, Any]] = []
        self.route("GET", "/incidents", self.list_incidents)
        self.route("POST", "/incidents", self.create)
        self.route("GET", "/incidents/{name}", self.show)
        self.route("PUT", "/incidents/{name}", self.update)
        self.route("GET", "/incidents/{name}/notes", self.list_notes)
        self.route("POST", "/incidents/{name}/notes", self.add_note)
        self.route("GET", "/users", self.users)
        self.route("POST", "/v2/enqueue", self.enqueue)

    def error(self, refusal: RefusedError) -> Response:
        if refusal.status in (401, 415):
            message = {401: "Unauthorized", 415: "Unsupported Media Type"}[refusal.status]
            return json_response(refusal.status, {"error": {"message": message, "code": 2006}})
        message = "Not Found" if refusal.status == 404 else "Invalid Input Provided"
        error = {"message": message, "code": 2001, "errors": [refusal.message]}
        return json_response(refusal.status, {"error": error})

    def list_incidents(self, request: Request) -> Response:
        self._authorize(request)
        statuses = request.query.get("statuses[]", [])
        (key,) = request.query.get("incident_key", [""])
        found = [
            each
            for each in self.incidents.values()
            if each["incident_key"] == key and (not statuses or each["status"] in statuses)
        ]
        return json_response(200, {"incidents": found, "limit": 25, "offset": 0, "more": False})

    def create(self, request: Request) -> Response:
        self._authorize(request, writes=True)
        sent = request.json(CREATE)["incident"]
        key = sent.get("incident_key", f"generated-{len(self.incidents)}")
        opened = [each for each in self.incidents.values() if each["status"] != "resolved"]
        if key in [each["incident_key"] for each in opened]:
            raise RefusedError(400, DUPLICATE)
        name = f"Q{len(self.incidents):013}"
        incident = {
            "urgency": "high",
            "escalation_policy": {"id": "PT20YPA", "type": "escalation_policy_reference"},
            "assignments": [],
            **sent,
            "id": name,
            "incident_key": key,
            "status": "triggered",
            "html_url": f"https://example.pagerduty.com/incidents/{name}",
        }
        self.incidents[name] = incident
        self.notes[name] = []
        return json_response(201, {"incident": incident})

    def show(self, request: Request, name: str) -> Response:
        self._authorize(request)
        return json_response(200, {"incident": self._incident(name)})

    def update(self, request: Request, name: str) -> Response:
        self._authorize(request, writes=True)
        sent = request.json(UPDATE)["incident"]
        incident = self._incident(name)
        if incident["status"] == "resolved":
            raise RefusedError(400, "Incident Already Resolved")
        if resolution := sent.pop("resolution", ""):
            self.notes[name].append(f"Resolution Note: {resolution}")
        incident.update(sent)
        return json_response(200, {"incident": incident})

    def list_notes(self, request: Request, name: str) -> Response:
        self._authorize(request)
        self._incident(name)
        return json_response(200, {"notes": [{"content": text} for text in self.notes[name]]})

    def add_note(self, request: Request, name: str) -> Response:
        self._authorize(request, writes=True)
        note = request.json(NOTE)["note"]
        self._incident(name)
        self.notes[name].append(note["content"])
        return json_response(201, {"note": note})

    def users(self, request: Request) -> Response:
        self._authorize(request)
        (text,) = request.query.get("query", [""])
        found = [{"id": each, "email": mail} for each, mail in USERS.items() if text in mail]
        return json_response(200, {"users": found})

    def enqueue(self, request: Request) -> Response:
        """The Events API has an error of its own form."""
        try:
            event = request.json(EVENT)
            conform(event["routing_key"], {"const": ROUTING_KEY})
        except RefusedError as refusal:
            content = {"status": "invalid event", "message": "Event object is invalid"}
            return json_response(400, {**content, "errors": [refusal.message]})
        self.events.append(event)
        key = event.get("dedup_key", f"generated-{len(self.events)}")
        content = {"status": "success", "message": "Event processed", "dedup_key": key}
        return json_response(202, content)

    def _authorize(self, request: Request, *, writes: bool = False) -> None:
        request.demand_header("Authorization", f"Token token={TOKEN}")
        if writes and request.headers.get("from") not in USERS.values():
            raise RefusedError(400, "Requester User Not Found")

    def _incident(self, name: str) -> dict[str, Any]:
        if name not in self.incidents:
            raise RefusedError(404, "Incident Not Found")
        return self.incidents[name]
