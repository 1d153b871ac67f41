"""Incidents in Jira Service Management: customer requests, and the issues behind them.

https://developer.atlassian.com/cloud/jira/service-desk/rest/ opens a request, adds internal
comments and participants; the rest is the issue's, by https://developer.atlassian.com/cloud/jira.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

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
from orchestrator.actions.jira import Jira, jira, quoted
from orchestrator.actions.references import signature
from orchestrator.actions.rest import segment
from orchestrator.models.base import Model
from orchestrator.models.incident import IncidentState, Severity

DESK = "/rest/servicedeskapi/request"
MAX_TITLE = 255
STATES = {
    IncidentState.OPEN: "new",
    IncidentState.ACKNOWLEDGED: "indeterminate",
    IncidentState.RESOLVED: "done",
}
"""The categories of statuses, which are the same in every workflow of Jira."""
PRIORITIES = {
    Severity.CRITICAL: "Highest",
    Severity.HIGH: "High",
    Severity.MEDIUM: "Medium",
    Severity.LOW: "Low",
}
SEVERITIES = {priority: severity for severity, priority in PRIORITIES.items()}


class Options(Model):
    """Options of Jira Service Management."""

    service_desk: Annotated[str, Field(max_length=64)] = ""
    """Id of the service desk in which a request is opened."""
    request_type: Annotated[str, Field(max_length=64)] = ""
    """Id of the request's type."""
    resolution: Annotated[str, Field(max_length=64)] = ""
    """Resolution, where the workflow of the issue demands one."""


@contextmanager
def jsm(parameters: BackendParameters, context: Context) -> Iterator[ServiceManagement]:
    """A site with service desks."""
    options = read_options(Options, parameters)
    with jira(parameters.url, parameters.user, parameters.token, parameters, context) as site:
        yield ServiceManagement(site, options, context)


class ServiceManagement(RemoteBackend):
    """Requests of Jira Service Management, by the key of their issue."""

    service_name = "Jira Service Management"

    def __init__(self, site: Jira, options: Options, context: Context) -> None:
        super().__init__(context)
        self._site, self._options = site, options

    def find(self, ref: str, *, unresolved: bool) -> Object | None:
        among = " AND statusCategory != Done" if unresolved else ""
        return self._site.search(f"description ~ {quoted(ref)}{among} ORDER BY created DESC")

    def create(self, ref: str, fields: Fields, native: Native) -> Object:
        options = self._options
        if not (options.service_desk and options.request_type):
            message = "options.serviceDesk and options.requestType"
            raise ActionError(
                f"Jira Service Management needs {message} to open an incident", permanent=True
            )
        description = "\n\n".join(
            text for text in (as_note(fields), f"{signature(self._context)} ({ref})") if text
        )
        request = {
            "serviceDeskId": options.service_desk,
            "requestTypeId": options.request_type,
            "requestFieldValues": {"summary": native["title"], "description": description},
        }
        key = self._site.api.field("issueKey", "POST", DESK, json=request)
        # A request type shows customers no priority or assignee: these are the issue's.
        others = {name: value for name, value in native.items() if name not in ("title", "state")}
        return self.write(self.get(key), others)

    def get(self, name: str) -> Object:
        return self._site.issue(name)

    def record(self, found: Object) -> Record:
        fields = found["fields"]
        priority = (fields.get("priority") or {}).get("name", "")
        return Record(
            name=found["key"],
            state=inverse(STATES)[_category(found)],
            severity=SEVERITIES.get(priority, Severity.LOW),
            url=self._site.page(found["key"]),
        )

    def native(self, fields: Fields) -> Native:
        native: Native = {}
        if title := fields.get("title"):
            native["title"] = title[:MAX_TITLE]
        if severity := fields.get("severity"):
            native["severity"] = PRIORITIES[Severity(severity)]
        if state := fields.get("state"):
            native["state"] = STATES[IncidentState(state)]
        if assignee := fields.get("assignee"):
            native["assignee"] = self._site.account(assignee)
        if escalation := fields.get("escalation"):
            native["escalation"] = self._site.account(escalation)
        return native

    def has(self, found: Object, field: str, value: Any) -> bool:
        if field != "escalation":
            return super().has(found, field, value)
        participants = self._site.api.field("values", "GET", _participants(found["key"]))
        return value in [each["accountId"] for each in participants]

    def current(self, found: Object) -> Native:
        fields = found["fields"]
        return {
            "title": fields["summary"],
            "severity": (fields.get("priority") or {}).get("name"),
            "state": _category(found),
            "assignee": (fields.get("assignee") or {}).get("accountId"),
        }

    def write(self, found: Object, changes: Native) -> Object:
        key = found["key"]
        if fields := _fields(changes):
            self._site.edit(key, fields)
        if escalation := changes.get("escalation"):
            self._site.api.call("POST", _participants(key), json={"accountIds": [escalation]})
        if state := changes.get("state"):
            resolution = self._options.resolution if state == "done" else ""
            self._site.transition(key, state, resolution)
        return self.get(key)

    def notes(self, found: Object) -> Iterable[str]:
        return self._site.comments(found["key"])

    def add_note(self, found: Object, text: str) -> None:
        path = f"{DESK}/{segment(found['key'])}/comment"
        self._site.api.call("POST", path, json={"body": text, "public": False})


def _participants(key: str) -> str:
    return f"{DESK}/{segment(key)}/participant"


def _category(found: Object) -> str:
    """The category of the issue's status; one without a category counts as new."""
    category = str(found["fields"]["status"]["statusCategory"]["key"])
    return category if category in STATES.values() else STATES[IncidentState.OPEN]


def _fields(changes: Native) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in changes.items():
        match name:
            case "title":
                fields["summary"] = value
            case "severity":
                fields["priority"] = {"name": value}
            case "assignee":
                fields["assignee"] = {"accountId": value}
    return fields
