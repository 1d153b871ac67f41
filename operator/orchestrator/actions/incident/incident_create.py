"""incident-create: open an incident, or reopen one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.actions.action import Action, Context, Family, Right
from orchestrator.actions.incident.connection import classify, connect
from orchestrator.actions.incident.incidents import (
    RETRIES,
    IncidentDetails,
    IncidentName,
    Known,
    Links,
    Named,
    Title,
    fields_of,
)
from orchestrator.kube.resources import INCIDENTS
from orchestrator.models.incident import IncidentState, Severity


class IncidentCreate(Named, IncidentDetails):
    """Parameters of incident-create."""

    title: Annotated[Title, Field(min_length=1)]
    """The problem, in one line; shortened to 256 characters."""
    severity: Severity = Severity.MEDIUM
    """Severity."""
    links: Links = []
    """Related pages: objects with title and url."""
    name: IncidentName = ""
    """Name of the object; one per execution if empty. With a name of your own, an unresolved
    incident is reused and a resolved one is reopened; another service opens a new one instead."""


class Created(Known):
    """Outputs of incident-create."""

    name: str
    """Name of the incident."""
    state: IncidentState
    """Its state."""
    created: bool
    """Whether it is new; false if an incident of that name was reused or reopened."""


def incident_create(parameters: IncidentCreate, context: Context) -> Created:
    """Opens an incident."""
    fields = fields_of(parameters)
    fields["severity"] = parameters.severity.value
    with connect(parameters, context) as backend:
        record, created = backend.open(parameters.name, fields)
    return Created(name=record.name, state=record.state, created=created, url=record.url)


ACTION = Action(
    name="incident-create",
    title="Open an incident",
    category="incident",
    icon="alert",
    parameters=IncidentCreate,
    outputs=Created,
    run=incident_create,
    retries=RETRIES + "A retry reuses the incident that an earlier attempt opened.",
    classify=classify,
    rights=(
        Right(
            INCIDENTS,
            {
                "get": "find the incident of an earlier attempt, or of the same name",
                "create": "open an incident",
                "patch": "reopen a resolved incident",
            },
        ),
    ),
    family=Family.INCIDENTS,
    example="""
        variables:
        - {name: service, type: string, required: true}
        nodes:
        - name: open
          action: incident-create
          with:
            title: "$[[ vars.service ]] is unhealthy"
            severity: High
            links: [{title: Runbook, url: "https://runbooks.example.com/unhealthy"}]
    """,
)
