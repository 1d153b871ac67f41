"""incident-resolve: resolve an incident."""

from __future__ import annotations

from orchestrator.actions.action import Action, Context, Family, Right
from orchestrator.actions.incident.backend import Fields
from orchestrator.actions.incident.connection import classify, connect
from orchestrator.actions.incident.incidents import RETRIES, Known, OnIncident, Summary
from orchestrator.kube.resources import INCIDENTS
from orchestrator.models.incident import IncidentState


class IncidentResolve(OnIncident):
    """Parameters of incident-resolve."""

    summary: Summary = ""
    """Final summary; if empty, the summary is unchanged."""


class Resolved(Known):
    """Outputs of incident-resolve."""

    name: str
    """Name of the incident."""
    state: IncidentState
    """Its state now."""
    repeated: bool = False
    """Whether it was resolved before."""


def incident_resolve(parameters: IncidentResolve, context: Context) -> Resolved:
    """Resolves an incident."""
    fields: Fields = {"state": IncidentState.RESOLVED.value}
    if parameters.summary:
        fields["summary"] = parameters.summary
    with connect(parameters, context) as backend:
        record, changed = backend.change(parameters.name, fields)
    return Resolved(
        name=parameters.name,
        state=record.state,
        repeated="state" not in changed,
        url=record.url,
    )


ACTION = Action(
    name="incident-resolve",
    title="Resolve an incident",
    category="incident",
    icon="check",
    parameters=IncidentResolve,
    outputs=Resolved,
    run=incident_resolve,
    retries=RETRIES + "An incident that is already resolved is not changed.",
    classify=classify,
    rights=(
        Right(
            INCIDENTS,
            {"get": "read whether the incident is resolved", "patch": "resolve the incident"},
        ),
    ),
    family=Family.INCIDENTS,
    example="""
        nodes:
        - name: open
          action: incident-create
          with: {title: The web shop is slow}
        - name: resolve
          action: incident-resolve
          with: {name: "$[[ nodes.open.outputs.name ]]", summary: The cache was full.}
        edges:
        - {from: open, to: resolve}
    """,
)
