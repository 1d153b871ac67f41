"""servicenow-incident: create an incident in ServiceNow, or change one."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SecretStr, model_validator

from orchestrator.actions.action import Action, Context, Outputs
from orchestrator.actions.references import reference, signature
from orchestrator.actions.rest import Url
from orchestrator.actions.sending import WithTimeout, classify
from orchestrator.actions.servicenow import Table, table

Level = Annotated[int, Field(ge=0, le=3)]
Number = Annotated[str, Field(pattern=r"^(INC[0-9]{1,20}|[0-9a-f]{32})?$")]


class ServicenowIncident(WithTimeout):
    """Parameters of servicenow-incident."""

    url: Url
    """URL of the instance, such as https://example.service-now.com."""
    user: Annotated[str, Field(max_length=253)] = ""
    """User name; if empty, token is an OAuth access token."""
    token: SecretStr
    """Password of user, or an OAuth access token."""
    incident: Number = ""
    """Number or sys_id of the incident to change, such as INC0010023; if empty, one is created."""
    summary: Annotated[str, Field(pattern=r"^[^\r\n]*$", max_length=160)] = ""
    """Short description, in one line; a new incident needs one."""
    description: Annotated[str, Field(max_length=4000)] = ""
    """Description."""
    impact: Level = 0
    """Impact: 1 (high), 2 or 3; 0 leaves it to ServiceNow."""
    urgency: Level = 0
    """Urgency: 1 (high), 2 or 3; 0 leaves it to ServiceNow."""
    caller: Annotated[str, Field(max_length=253)] = ""
    """User name, e-mail address or sys_id of the caller."""
    assignee: Annotated[str, Field(max_length=253)] = ""
    """User name, e-mail address or sys_id of the person who works on it."""
    assignment_group: Annotated[str, Field(max_length=253)] = ""
    """Name or sys_id of the group that works on it."""
    state: Annotated[str, Field(pattern=r"^[0-9]{0,3}$")] = ""
    """Value of the state: 1 is New, 2 In Progress, 3 On Hold, 6 Resolved, 7 Closed."""
    close_code: Annotated[str, Field(max_length=64)] = ""
    """Resolution code, which ServiceNow demands of a resolved incident."""
    close_notes: Annotated[str, Field(max_length=4000)] = ""
    """Resolution notes, which ServiceNow demands of a resolved incident."""
    work_note: Annotated[str, Field(max_length=4000)] = ""
    """Work note to add, which callers do not see."""
    fields: dict[str, Any] = {}
    """Further columns of the table, such as category."""

    @model_validator(mode="after")
    def _complete(self) -> ServicenowIncident:
        if not (self.incident or self.summary):
            raise ValueError("give a summary, to create an incident, or incident, to change one")
        return self


class Recorded(Outputs):
    """Outputs of servicenow-incident."""

    number: str
    """Number of the incident."""
    sys_id: str
    """Its sys_id."""
    url: str
    """Its page."""
    state: str
    """Value of its state now."""
    created: bool
    """Whether it was created by this execution; false if incident named it."""


def servicenow_incident(parameters: ServicenowIncident, context: Context) -> Recorded:
    """Creates an incident in ServiceNow, or changes one, by the Table API."""
    with table(
        "incident", parameters.url, parameters.user, parameters.token, parameters, context
    ) as incidents:
        columns = _columns(parameters, incidents)
        if parameters.incident:
            record = incidents.get(parameters.incident)
            if columns:
                record = incidents.update(record["sys_id"], columns)
                context.log(f"incident {record['number']}: changed {', '.join(sorted(columns))}")
        else:
            record = _created(columns, incidents, context)
        if parameters.work_note:
            _note(record, parameters.work_note, incidents, context)
        return Recorded(
            number=record["number"],
            sys_id=record["sys_id"],
            url=incidents.page(record["sys_id"]),
            state=record["state"],
            created=not parameters.incident,
        )


def _columns(parameters: ServicenowIncident, incidents: Table) -> dict[str, Any]:
    columns = {
        "short_description": parameters.summary,
        "description": parameters.description,
        "impact": str(parameters.impact or ""),
        "urgency": str(parameters.urgency or ""),
        "caller_id": incidents.user(parameters.caller) if parameters.caller else "",
        "assigned_to": incidents.user(parameters.assignee) if parameters.assignee else "",
        "assignment_group": (
            incidents.group(parameters.assignment_group) if parameters.assignment_group else ""
        ),
        "state": parameters.state,
        "close_code": parameters.close_code,
        "close_notes": parameters.close_notes,
    }
    return {**parameters.fields, **{name: value for name, value in columns.items() if value}}


def _created(columns: dict[str, Any], incidents: Table, context: Context) -> dict[str, Any]:
    """The new incident, or that of an earlier attempt, which has the same correlation id."""
    ref = reference(context)
    found = incidents.first(f"correlation_id={ref}")
    if found:
        context.log(f"incident {found['number']} was created by an earlier attempt")
        return found
    display = signature(context)[:100]
    own = {"correlation_id": ref, "correlation_display": display}
    record = incidents.create({**columns, **own})
    context.log(f"created incident {record['number']}")
    return record


def _note(record: dict[str, Any], text: str, incidents: Table, context: Context) -> None:
    """Add a work note, unless an earlier attempt has added it."""
    ref = reference(context)
    if ref in incidents.journal(record["sys_id"], "work_notes"):
        context.log(f"incident {record['number']}: the work note exists")
        return
    note = f"{text}\n\n{signature(context)} ({ref})"
    incidents.update(record["sys_id"], {"work_notes": note})
    context.log(f"incident {record['number']}: added a work note")


ACTION = Action(
    name="servicenow-incident",
    title="Create or change a ServiceNow incident",
    category="ticket",
    icon="ticket",
    parameters=ServicenowIncident,
    outputs=Recorded,
    run=servicenow_incident,
    retries=(
        "Retried: no connection, no response in time, rate limits longer than the timeout, 5xx. "
        "Not retried: credentials or columns that ServiceNow refuses. A new incident has a "
        "correlation id and a work note a reference, by which another attempt recognises them."
    ),
    classify=classify,
    example="""
        variables:
        - {name: password, type: secret, secretKeyRef: {name: servicenow, key: password}}
        nodes:
        - name: open
          action: servicenow-incident
          with:
            url: https://example.service-now.com
            user: automation
            token: "$[[ vars.password ]]"
            summary: The web shop is slow
            impact: 2
            urgency: 1
            assignmentGroup: Network
        - name: resolve
          action: servicenow-incident
          with:
            url: https://example.service-now.com
            user: automation
            token: "$[[ vars.password ]]"
            incident: "$[[ nodes.open.outputs.number ]]"
            state: "6"
            closeCode: Solution provided
            closeNotes: The cache was full.
        edges:
        - {from: open, to: resolve}
    """,
)
