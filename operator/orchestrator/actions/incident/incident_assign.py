"""incident-assign: assign an incident to a person or team."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.actions.action import Action, Context, Family, Right
from orchestrator.actions.incident.backend import Fields
from orchestrator.actions.incident.connection import classify, connect
from orchestrator.actions.incident.incidents import RETRIES, Known, OnIncident, Person
from orchestrator.kube.resources import INCIDENTS
from orchestrator.models.incident import IncidentState


class IncidentAssign(OnIncident):
    """Parameters of incident-assign."""

    assignee: Annotated[Person, Field(min_length=1)]
    """The person who works on it; in PagerDuty and Jira an e-mail address or id, in ServiceNow a
    user name, e-mail address or sys_id."""
    acknowledge: bool = False
    """Whether to acknowledge the incident, too."""


class Assigned(Known):
    """Outputs of incident-assign."""

    name: str
    """Name of the incident."""
    assignee: str
    """The person who works on it now."""
    state: IncidentState
    """Its state now."""
    repeated: bool
    """Whether it was assigned to them before."""


def incident_assign(parameters: IncidentAssign, context: Context) -> Assigned:
    """Assigns an incident to a person or team."""
    fields: Fields = {"assignee": parameters.assignee}
    if parameters.acknowledge:
        fields["state"] = IncidentState.ACKNOWLEDGED.value
    with connect(parameters, context) as backend:
        record, changed = backend.change(parameters.name, fields)
    return Assigned(
        name=parameters.name,
        assignee=parameters.assignee,
        state=record.state,
        repeated="assignee" not in changed,
        url=record.url,
    )


ACTION = Action(
    name="incident-assign",
    title="Assign an incident",
    category="incident",
    icon="user",
    parameters=IncidentAssign,
    outputs=Assigned,
    run=incident_assign,
    retries=RETRIES + "An incident that is already assigned to them is not changed.",
    classify=classify,
    rights=(
        Right(
            INCIDENTS,
            {"get": "read to whom the incident is assigned", "patch": "assign the incident"},
        ),
    ),
    family=Family.INCIDENTS,
    example="""
        nodes:
        - name: open
          action: incident-create
          with: {title: The web shop is slow}
        - name: assign
          action: incident-assign
          with: {name: "$[[ nodes.open.outputs.name ]]", assignee: ana, acknowledge: true}
        edges:
        - {from: open, to: assign}
    """,
)
