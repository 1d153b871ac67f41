"""incident-create: open an incident, or reopen one."""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import Field

from orchestrator.actions.action import Action, Context, Family, Outputs, Right
from orchestrator.actions.cluster import Object, annotations_of, classify
from orchestrator.actions.incident.incidents import (
    RETRIES,
    IncidentDetails,
    IncidentName,
    Links,
    Title,
    merge,
    retry_conflicts,
    state_of,
)
from orchestrator.kube.resources import INCIDENTS
from orchestrator.models.base import API_VERSION, GROUP
from orchestrator.models.incident import IncidentState, Severity

KEY = f"{GROUP}/idempotency-key"
"""Annotation: the piece of work that opened the incident last."""
EXECUTION = f"{GROUP}/execution"
"""Annotation: the execution that opened the incident last."""
WORKFLOW = f"{GROUP}/workflow"
"""Label: the workflow that opened the incident."""


class IncidentCreate(IncidentDetails):
    """Parameters of incident-create."""

    title: Annotated[Title, Field(min_length=1)]
    """The problem, in one line; shortened to 256 characters."""
    severity: Severity = Severity.MEDIUM
    """Severity."""
    links: Links = []
    """Related pages: objects with title and url."""
    name: IncidentName = ""
    """Name of the object; one per execution if empty. With a name of your own, an unresolved
    incident is reused and a resolved one is reopened."""


class Created(Outputs):
    """Outputs of incident-create."""

    name: str
    """Name of the incident."""
    state: IncidentState
    """Its state."""
    created: bool
    """Whether it is new; false if an incident of that name was reused or reopened."""


def incident_create(parameters: IncidentCreate, context: Context) -> Created:
    """Opens an incident."""
    return retry_conflicts(context, lambda: _open(parameters, context))


def _open(parameters: IncidentCreate, context: Context) -> Created:
    cluster, namespace = context.cluster(), context.identity.namespace
    name = parameters.name or _name(context)
    found = cluster.find(INCIDENTS, namespace, name)
    if found is None:
        incident = cluster.create(INCIDENTS, namespace, _incident(name, parameters, context))
        context.log(f"opened incident {name}")
        return Created(name=name, state=incident["spec"]["state"], created=True)
    if annotations_of(found).get(KEY) == context.identity.key:
        context.log(f"incident {name} was opened by an earlier attempt")
        return Created(name=name, state=state_of(found), created=not parameters.name)
    if state_of(found) is not IncidentState.RESOLVED:
        context.log(f"incident {name} exists and is {state_of(found)}")
        return Created(name=name, state=state_of(found), created=False)
    body = _incident(name, parameters, context)
    merge(cluster, found, context, {"metadata": body["metadata"], "spec": body["spec"]})
    context.log(f"reopened incident {name}")
    return Created(name=name, state=IncidentState.OPEN, created=False)


def _name(context: Context) -> str:
    prefix = context.identity.workflow[:40].strip("-.") or "incident"
    return f"{prefix}-{hashlib.sha256(context.identity.key.encode()).hexdigest()[:16]}"


def _incident(name: str, parameters: IncidentCreate, context: Context) -> Object:
    spec = parameters.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
    identity = context.identity
    return {
        "apiVersion": API_VERSION,
        "kind": "Incident",
        "metadata": {
            "name": name,
            "labels": {WORKFLOW: identity.workflow} if identity.workflow else {},
            "annotations": {KEY: identity.key, EXECUTION: identity.execution},
        },
        "spec": {"severity": parameters.severity, **spec, "state": IncidentState.OPEN},
    }


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
