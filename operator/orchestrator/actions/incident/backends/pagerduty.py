"""Incidents in PagerDuty, by its REST API v2: https://developer.pagerduty.com/api-reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from orchestrator.actions.action import ActionError, Context
from orchestrator.actions.cluster import Object
from orchestrator.actions.incident.backend import (
    BackendParameters,
    Fields,
    Record,
    as_note,
    read_options,
)
from orchestrator.actions.incident.backends.remote import Native, RemoteBackend, inverse
from orchestrator.actions.rest import Api, api, body_of, segment
from orchestrator.models.base import Model
from orchestrator.models.incident import IncidentState, Severity

if TYPE_CHECKING:
    import requests

URL = "https://api.pagerduty.com"
MAX_TITLE = 255
STATES = {
    IncidentState.OPEN: "triggered",
    IncidentState.ACKNOWLEDGED: "acknowledged",
    IncidentState.RESOLVED: "resolved",
}
URGENT = (Severity.CRITICAL, Severity.HIGH)


class Options(Model):
    """Options of PagerDuty."""

    service: Annotated[str, Field(max_length=64)] = ""
    """Id of the service on which an incident is opened."""


@contextmanager
def pagerduty(parameters: BackendParameters, context: Context) -> Iterator[PagerDuty]:
    """PagerDuty, as the user whose e-mail address the parameters give."""
    options = read_options(Options, parameters)
    headers = {
        "Authorization": f"Token token={parameters.secret}",
        "Accept": "application/vnd.pagerduty+json;version=2",
        "From": parameters.user,
    }
    url = parameters.url or URL
    with api("PagerDuty", url, parameters, context, headers=headers, reason=reason) as account:
        yield PagerDuty(account, options, context)


def reason(response: requests.Response) -> str:
    """The message of an error and its details."""
    body = body_of(response)
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return ""
    details = error.get("errors")
    return ": ".join([str(error.get("message", "")), *map(str, details or ())])


class PagerDuty(RemoteBackend):
    """Incidents of a PagerDuty account."""

    service_name = "PagerDuty"

    def __init__(self, api: Api, options: Options, context: Context) -> None:
        super().__init__(context)
        self._api, self._options = api, options

    def find(self, ref: str, *, unresolved: bool) -> Object | None:
        states = [STATES[state] for state in IncidentState]
        query = {
            "incident_key": ref,
            "date_range": "all",
            "statuses[]": states[:2] if unresolved else states,
        }
        found: list[Object] = self._api.field("incidents", "GET", "/incidents", params=query)
        return found[0] if found else None

    def create(self, ref: str, fields: Fields, native: Native) -> Object:
        if not self._options.service:
            raise ActionError("PagerDuty needs options.service to open an incident", permanent=True)
        details = as_note(fields)
        incident = {
            "type": "incident",
            "service": {"id": self._options.service, "type": "service_reference"},
            "incident_key": ref,
            **_body({name: value for name, value in native.items() if name != "state"}),
            **({"body": {"type": "incident_body", "details": details}} if details else {}),
        }
        return self._incident("POST", "/incidents", incident)

    def get(self, name: str) -> Object:
        path = f"/incidents/{segment(name)}"
        found: Object = self._api.field("incident", "GET", path, missing=f"incident {name}")
        return found

    def record(self, found: Object) -> Record:
        high = found["urgency"] == "high"
        return Record(
            name=found["id"],
            state=inverse(STATES)[found["status"]],
            severity=Severity.HIGH if high else Severity.LOW,
            url=found.get("html_url"),
        )

    def native(self, fields: Fields) -> Native:
        native: Native = {}
        if fields.get("assignee") and fields.get("escalation"):
            raise ActionError("PagerDuty takes either assignee or escalation", permanent=True)
        if title := fields.get("title"):
            native["title"] = title[:MAX_TITLE]
        if severity := fields.get("severity"):
            native["severity"] = "high" if severity in URGENT else "low"
        if state := fields.get("state"):
            native["state"] = STATES[IncidentState(state)]
        if assignee := fields.get("assignee"):
            native["assignee"] = self._user(assignee)
        if escalation := fields.get("escalation"):
            native["escalation"] = escalation
        return native

    def current(self, found: Object) -> Native:
        assignees = [each["assignee"]["id"] for each in found.get("assignments", [])]
        return {
            "title": found["title"],
            "severity": found["urgency"],
            "state": found["status"],
            "assignee": assignees[0] if len(assignees) == 1 else "",
            "escalation": (found.get("escalation_policy") or {}).get("id", ""),
        }

    def write(self, found: Object, changes: Native) -> Object:
        if changes.get("state") == STATES[IncidentState.OPEN]:
            raise ActionError(
                f"PagerDuty cannot return incident {found['id']} to Open", permanent=True
            )
        incident = {"type": "incident", **_body(changes)}
        return self._incident("PUT", f"/incidents/{segment(found['id'])}", incident)

    def notes(self, found: Object) -> Iterable[str]:
        path = f"/incidents/{segment(found['id'])}/notes"
        return [note["content"] for note in self._api.field("notes", "GET", path)]

    def add_note(self, found: Object, text: str) -> None:
        path = f"/incidents/{segment(found['id'])}/notes"
        self._api.call("POST", path, json={"note": {"content": text}})

    def _incident(self, method: str, path: str, incident: Object) -> Object:
        body = {"incident": incident}
        written: Object = self._api.field("incident", method, path, json=body)
        return written

    def _user(self, name: str) -> str:
        """The id of a user, who is named by an e-mail address or the id itself."""
        if "@" not in name:
            return name
        users = self._api.field("users", "GET", "/users", params={"query": name})
        for user in users:
            if user["email"].lower() == name.lower():
                return str(user["id"])
        raise ActionError(f"PagerDuty has no user {name}", permanent=True)


def _body(native: Native) -> dict[str, Any]:
    """Native values as fields of an incident's body."""
    body: dict[str, Any] = {}
    for name, value in native.items():
        match name:
            case "severity":
                body["urgency"] = value
            case "state":
                body["status"] = value
            case "assignee":
                body["assignments"] = [{"assignee": {"id": value, "type": "user_reference"}}]
            case "escalation" if value.isdigit():
                body["escalation_level"] = int(value)
            case "escalation":
                body["escalation_policy"] = {"id": value, "type": "escalation_policy_reference"}
            case "title":
                body["title"] = value
    return body
