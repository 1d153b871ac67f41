"""incident-update: change fields of an incident."""

from __future__ import annotations

from pydantic import model_validator

from orchestrator.actions.action import Action, Context, Family, Right
from orchestrator.actions.incident.connection import classify, connect
from orchestrator.actions.incident.incidents import (
    RETRIES,
    IncidentDetails,
    Known,
    Links,
    OnIncident,
    Title,
    fields_of,
)
from orchestrator.kube.resources import INCIDENTS
from orchestrator.models.incident import IncidentState, Severity


class IncidentUpdate(OnIncident, IncidentDetails):
    """Parameters of incident-update; empty ones leave the field as it is."""

    title: Title = ""
    """The problem, in one line; shortened to 256 characters."""
    severity: Severity | None = None
    """Severity."""
    state: IncidentState | None = None
    """Its state."""
    links: Links = []
    """Pages to add: objects with title and url."""

    @model_validator(mode="after")
    def _something(self) -> IncidentUpdate:
        if not fields_of(self):
            raise ValueError("nothing to change: set at least one parameter besides name")
        return self


class Updated(Known):
    """Outputs of incident-update."""

    name: str
    """Name of the incident."""
    state: IncidentState
    """Its state now."""
    severity: Severity
    """Its severity now."""
    changed: list[str]
    """The fields that were changed."""


def incident_update(parameters: IncidentUpdate, context: Context) -> Updated:
    """Changes fields of an incident."""
    with connect(parameters, context) as backend:
        record, changed = backend.change(parameters.name, fields_of(parameters))
    return Updated(
        name=parameters.name,
        state=record.state,
        severity=record.severity,
        changed=changed,
        url=record.url,
    )


ACTION = Action(
    name="incident-update",
    title="Update an incident",
    category="incident",
    icon="edit",
    parameters=IncidentUpdate,
    outputs=Updated,
    run=incident_update,
    retries=RETRIES + "Fields that already have the value are not changed.",
    classify=classify,
    rights=(
        Right(
            INCIDENTS,
            {"get": "read the incident before it is changed", "patch": "change the incident"},
        ),
    ),
    family=Family.INCIDENTS,
    example="""
        nodes:
        - name: open
          action: incident-create
          with: {title: The web shop is slow}
        - name: acknowledge
          action: incident-update
          with: {name: "$[[ nodes.open.outputs.name ]]", state: Acknowledged, assignee: ana}
        edges:
        - {from: open, to: acknowledge}
    """,
)
