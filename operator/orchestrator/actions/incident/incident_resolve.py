"""incident-resolve: resolve an incident."""

from __future__ import annotations

from typing import Any

from orchestrator.actions.action import Action, Context, Family, Outputs, Right
from orchestrator.actions.cluster import classify
from orchestrator.actions.incident.incidents import (
    RETRIES,
    OnIncident,
    Summary,
    change,
    state_of,
)
from orchestrator.kube.resources import INCIDENTS
from orchestrator.models.incident import IncidentState


class IncidentResolve(OnIncident):
    """Parameters of incident-resolve."""

    summary: Summary = ""
    """Final summary; if empty, the summary stays as it is."""


class Resolved(Outputs):
    """Outputs of incident-resolve."""

    name: str
    """Name of the incident."""
    state: IncidentState
    """Its state now."""
    repeated: bool = False
    """Whether it was resolved before."""


def incident_resolve(parameters: IncidentResolve, context: Context) -> Resolved:
    """Resolves an incident."""
    asked: dict[str, Any] = {"state": IncidentState.RESOLVED.value}
    if parameters.summary:
        asked["summary"] = parameters.summary
    incident, changed = change(parameters.name, asked, context)
    return Resolved(name=parameters.name, state=state_of(incident), repeated="state" not in changed)


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
