"""incident-escalate: escalate an incident to another person or team."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.actions.action import Action, Context, Family, Right
from orchestrator.actions.incident.backend import Fields
from orchestrator.actions.incident.connection import classify, connect
from orchestrator.actions.incident.incidents import RETRIES, Known, OnIncident, Person, Summary
from orchestrator.kube.resources import INCIDENTS
from orchestrator.models.incident import IncidentState, Severity


class IncidentEscalate(OnIncident):
    """Parameters of incident-escalate."""

    escalation: Annotated[Person, Field(min_length=1)]
    """The person or team to escalate it to: in PagerDuty the id of an escalation policy, or a level
    of the present one; in ServiceNow the name of an assignment group; in Jira Service Management a
    person who becomes a participant of the request."""
    severity: Severity | None = None
    """Its severity from now on."""
    summary: Summary = ""
    """The reason, as the summary of the incident; if empty, the summary is unchanged."""


class Escalated(Known):
    """Outputs of incident-escalate."""

    name: str
    """Name of the incident."""
    escalation: str
    """The person or team that it is escalated to now."""
    state: IncidentState
    """Its state now."""
    severity: Severity
    """Its severity now."""
    repeated: bool
    """Whether it was escalated to them before."""


def incident_escalate(parameters: IncidentEscalate, context: Context) -> Escalated:
    """Escalates an incident to a person or team."""
    fields: Fields = {"escalation": parameters.escalation}
    if parameters.severity is not None:
        fields["severity"] = parameters.severity.value
    if parameters.summary:
        fields["summary"] = parameters.summary
    with connect(parameters, context) as backend:
        record, changed = backend.change(parameters.name, fields)
    return Escalated(
        name=parameters.name,
        escalation=parameters.escalation,
        state=record.state,
        severity=record.severity,
        repeated="escalation" not in changed,
        url=record.url,
    )


ACTION = Action(
    name="incident-escalate",
    title="Escalate an incident",
    category="incident",
    icon="trending-up",
    parameters=IncidentEscalate,
    outputs=Escalated,
    run=incident_escalate,
    retries=RETRIES + "An incident that is already escalated to them is not changed.",
    classify=classify,
    rights=(
        Right(
            INCIDENTS,
            {"get": "read to whom the incident is escalated", "patch": "escalate the incident"},
        ),
    ),
    family=Family.INCIDENTS,
    example="""
        nodes:
        - name: open
          action: incident-create
          with: {title: The web shop is down, severity: High}
        - name: escalate
          action: incident-escalate
          with:
            name: "$[[ nodes.open.outputs.name ]]"
            escalation: sre
            severity: Critical
        edges:
        - {from: open, to: escalate}
    """,
)
