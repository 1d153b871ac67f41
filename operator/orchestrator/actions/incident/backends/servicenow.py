"""Incidents in ServiceNow, as records of the table `incident`, by its Table API."""

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
from orchestrator.actions.incident.backends.remote import Native, RemoteBackend
from orchestrator.actions.references import signature
from orchestrator.actions.servicenow import Table, table
from orchestrator.models.base import Model
from orchestrator.models.incident import IncidentState, Severity

MAX_TITLE = 160
STATES = {
    IncidentState.OPEN: "1",
    IncidentState.ACKNOWLEDGED: "2",
    IncidentState.RESOLVED: "6",
}
"""New, In Progress, Resolved: the values of the choice list of a new instance."""
UNRESOLVED = ("1", "2", "3")
IMPACT_URGENCY = {
    Severity.CRITICAL: ("1", "1"),
    Severity.HIGH: ("1", "2"),
    Severity.MEDIUM: ("2", "2"),
    Severity.LOW: ("2", "3"),
}
"""Impact and urgency, from which ServiceNow computes the priorities 1 to 4."""
SEVERITIES = {"1": Severity.CRITICAL, "2": Severity.HIGH, "3": Severity.MEDIUM}


class Options(Model):
    """Options of ServiceNow."""

    close_code: Annotated[str, Field(min_length=1, max_length=64)] = "Solution provided"
    """Resolution code, which ServiceNow demands of a resolved incident."""


@contextmanager
def servicenow(parameters: BackendParameters, context: Context) -> Iterator[ServiceNow]:
    """The table `incident` of an instance."""
    options = read_options(Options, parameters)
    with table(
        "incident", parameters.url, parameters.user, parameters.token, parameters, context
    ) as incidents:
        yield ServiceNow(incidents, options, context)


class ServiceNow(RemoteBackend):
    """Incidents of a ServiceNow instance, by number."""

    service_name = "ServiceNow"

    def __init__(self, incidents: Table, options: Options, context: Context) -> None:
        super().__init__(context)
        self._incidents, self._options = incidents, options

    def find(self, ref: str, *, unresolved: bool) -> Object | None:
        among = f"^stateIN{','.join(UNRESOLVED)}" if unresolved else ""
        return self._incidents.first(f"correlation_id={ref}{among}^ORDERBYDESCsys_created_on")

    def create(self, ref: str, fields: Fields, native: Native) -> Object:
        record = {
            **_columns({name: value for name, value in native.items() if name != "state"}),
            "description": as_note(fields),
            "correlation_id": ref,
            "correlation_display": signature(self._context)[:100],
        }
        return self._incidents.create({name: value for name, value in record.items() if value})

    def get(self, name: str) -> Object:
        return self._incidents.get(name)

    def record(self, found: Object) -> Record:
        return Record(
            name=found["number"],
            state=_state(found),
            severity=SEVERITIES.get(found.get("priority", ""), Severity.LOW),
            url=self._incidents.page(found["sys_id"]),
        )

    def native(self, fields: Fields) -> Native:
        native: Native = {}
        if title := fields.get("title"):
            native["title"] = title[:MAX_TITLE]
        if severity := fields.get("severity"):
            native["severity"] = IMPACT_URGENCY[Severity(severity)]
        if state := fields.get("state"):
            native["state"] = STATES[IncidentState(state)]
        if assignee := fields.get("assignee"):
            native["assignee"] = self._incidents.user(assignee)
        if escalation := fields.get("escalation"):
            native["escalation"] = self._incidents.group(escalation)
        return native

    def current(self, found: Object) -> Native:
        return {
            "title": found["short_description"],
            "severity": (found.get("impact"), found.get("urgency")),
            "state": STATES[_state(found)],
            "assignee": _value(found.get("assigned_to")),
            "escalation": _value(found.get("assignment_group")),
        }

    def write(self, found: Object, changes: Native) -> Object:
        columns = _columns(changes)
        if changes.get("state") == STATES[IncidentState.RESOLVED]:
            columns["close_code"] = self._options.close_code
            columns["close_notes"] = changes["note"] or f"Resolved by {signature(self._context)}"
        elif "state" in changes and found["state"] not in (*UNRESOLVED, "6"):
            raise ActionError(f"incident {found['number']} is closed", permanent=True)
        return self._incidents.update(found["sys_id"], columns)

    def notes(self, found: Object) -> Iterable[str]:
        return [self._incidents.journal(found["sys_id"], "work_notes")]

    def add_note(self, found: Object, text: str) -> None:
        self._incidents.update(found["sys_id"], {"work_notes": text})


def _state(found: Object) -> IncidentState:
    """The state; On Hold is acknowledged, Closed and Canceled are resolved."""
    if found["state"] not in UNRESOLVED:
        return IncidentState.RESOLVED
    new = found["state"] == STATES[IncidentState.OPEN]
    return IncidentState.OPEN if new else IncidentState.ACKNOWLEDGED


def _columns(native: Native) -> dict[str, Any]:
    """Native values as columns of the table."""
    columns: dict[str, Any] = {}
    for name, value in native.items():
        match name:
            case "title":
                columns["short_description"] = value
            case "severity":
                columns["impact"], columns["urgency"] = value
            case "assignee":
                columns["assigned_to"] = value
            case "escalation":
                columns["assignment_group"] = value
            case "state":
                columns["state"] = value
    return columns


def _value(reference: Any) -> str:
    """The sys_id in a reference; an empty one is an empty string."""
    return str(reference.get("value", "")) if isinstance(reference, dict) else str(reference or "")
