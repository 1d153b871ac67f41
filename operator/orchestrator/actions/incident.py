"""Actions on incidents: custom resources, whose timeline the operator keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs, Parameters
from orchestrator.actions.cluster import classify
from orchestrator.kube.blocking import BlockingClient, Object
from orchestrator.kube.errors import ApiError
from orchestrator.kube.resources import INCIDENTS
from orchestrator.models.base import API_VERSION, GROUP
from orchestrator.models.incident import IncidentState, Severity

KEY = f"{GROUP}/idempotency-key"
"""Annotation: the piece of work that opened the incident last."""
EXECUTION = f"{GROUP}/execution"
"""Annotation: the execution that opened the incident last."""
WORKFLOW = f"{GROUP}/workflow"
"""Label: the workflow that opened the incident."""
T = TypeVar("T")
ATTEMPTS = 5
"""How often a change is tried again when somebody else changed the incident meanwhile."""

IncidentName = Annotated[str, Field(max_length=253, pattern=r"^([a-z0-9]([-.a-z0-9]*[a-z0-9])?)?$")]
Person = Annotated[str, Field(max_length=253)]
Title = Annotated[str, AfterValidator(lambda text: _shortened(text, 256))]
Summary = Annotated[str, AfterValidator(lambda text: _shortened(text, 4096))]
Links = Annotated[list[dict[str, str]], Field(max_length=32)]


def _shortened(text: str, length: int) -> str:
    """A long text cut: during an incident that is better than none."""
    return text if len(text) <= length else text[: length - 1] + "…"


class IncidentCreate(Parameters):
    """Parameters of incident-create."""

    title: Annotated[Title, Field(min_length=1)]
    """What is wrong, in one line; shortened to 256 characters."""
    severity: Severity = Severity.MEDIUM
    """How bad it is."""
    summary: Summary = ""
    """What is known; shortened to 4096 characters."""
    assignee: Person = ""
    """Who has it."""
    escalation: Person = ""
    """To whom it is escalated."""
    links: Links = []
    """Pages that belong to it: objects with title and url."""
    name: IncidentName = ""
    """Name of the object; one per execution when empty. Under a name of yours an unresolved
    incident is used again and a resolved one opened again."""


class Created(Outputs):
    """Outputs of incident-create."""

    name: str
    """Name of the incident."""
    state: IncidentState
    """Its state."""
    created: bool
    """Whether it is a new one; false when one of that name was used or opened again."""


def incident_create(parameters: IncidentCreate, context: Context) -> Created:
    """Opens an incident."""
    return _until_undisturbed(context, lambda: _open(parameters, context))


def _open(parameters: IncidentCreate, context: Context) -> Created:
    cluster, namespace = context.cluster(), context.identity.namespace
    name = parameters.name or _name(context)
    found = cluster.find(INCIDENTS, namespace, name)
    if found is None:
        incident = cluster.create(INCIDENTS, namespace, _incident(name, parameters, context))
        context.log(f"opened incident {name}")
        return Created(name=name, state=incident["spec"]["state"], created=True)
    if _annotations(found).get(KEY) == context.identity.key:
        context.log(f"incident {name} was opened by an earlier attempt")
        return Created(name=name, state=_state(found), created=not parameters.name)
    if _state(found) is not IncidentState.RESOLVED:
        context.log(f"incident {name} is there already, {_state(found)}")
        return Created(name=name, state=_state(found), created=False)
    body = _incident(name, parameters, context)
    _merge(cluster, found, context, {"metadata": body["metadata"], "spec": body["spec"]})
    context.log(f"opened incident {name} again")
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


class IncidentUpdate(Parameters):
    """Parameters of incident-update; what is left empty stays as it is."""

    name: Annotated[IncidentName, Field(min_length=1)]
    """Name of the incident, such as the output name of incident-create."""
    title: Title = ""
    """What is wrong, in one line; shortened to 256 characters."""
    severity: Severity | None = None
    """How bad it is."""
    state: IncidentState | None = None
    """Where it stands."""
    summary: Summary = ""
    """What is known; shortened to 4096 characters."""
    assignee: Person = ""
    """Who has it."""
    escalation: Person = ""
    """To whom it is escalated."""
    links: Links = []
    """Pages to add: objects with title and url."""

    @model_validator(mode="after")
    def _something(self) -> IncidentUpdate:
        if self.model_fields_set == {"name"}:
            raise ValueError("nothing to change: give at least one parameter besides name")
        return self


class Updated(Outputs):
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
    asked = parameters.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
    incident, changed = _change(parameters.name, asked, context)
    return Updated(
        name=parameters.name,
        state=_state(incident),
        severity=incident["spec"].get("severity", Severity.MEDIUM),
        changed=changed,
    )


class IncidentResolve(Parameters):
    """Parameters of incident-resolve."""

    name: Annotated[IncidentName, Field(min_length=1)]
    """Name of the incident, such as the output name of incident-create."""
    summary: Summary = ""
    """What is known at the end; the summary stays as it is when empty."""


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
    incident, changed = _change(parameters.name, asked, context)
    return Resolved(name=parameters.name, state=_state(incident), repeated="state" not in changed)


def _change(name: str, asked: dict[str, Any], context: Context) -> tuple[Object, list[str]]:
    """Set fields of the spec, links added to those there; what is equal already is not written."""
    return _until_undisturbed(context, lambda: _change_once(name, asked, context))


def _change_once(name: str, asked: dict[str, Any], context: Context) -> tuple[Object, list[str]]:
    cluster = context.cluster()
    incident = cluster.get(INCIDENTS, context.identity.namespace, name)
    wanted = _with_links(asked, incident["spec"])
    changed = {
        field: value for field, value in wanted.items() if incident["spec"].get(field) != value
    }
    if not changed:
        context.log(f"incident {name} is so already")
        return incident, []
    incident = _merge(cluster, incident, context, {"spec": changed})
    context.log(f"incident {name}: changed {', '.join(changed)}")
    return incident, sorted(changed)


def _until_undisturbed(context: Context, work: Callable[[], T]) -> T:
    """Do it, and again on the incident as it is now when somebody else changed it meanwhile."""
    for attempt in range(ATTEMPTS):
        try:
            return work()
        except ConflictError as conflict:
            context.log(f"{conflict}, looking again")
            context.clock.sleep(0.1 * 2**attempt)
    return work()


class ConflictError(ActionError):
    """Somebody else changed the incident since it was read."""


def _merge(cluster: BlockingClient, incident: Object, context: Context, patch: Object) -> Object:
    """Patch the incident as it was read."""
    metadata = patch.get("metadata", {})
    version = {"resourceVersion": incident["metadata"]["resourceVersion"]}
    guarded = {**patch, "metadata": {**metadata, **version}}
    try:
        return cluster.merge(
            INCIDENTS, context.identity.namespace, incident["metadata"]["name"], guarded
        )
    except ApiError as error:
        if error.status == 409:
            name = incident["metadata"]["name"]
            raise ConflictError(
                f"incident {name} was changed by somebody else meanwhile"
            ) from error
        raise


def _with_links(asked: dict[str, Any], spec: Object) -> dict[str, Any]:
    there = spec.get("links", [])
    urls = {link["url"] for link in there}
    new = [link for link in asked.get("links", []) if link.get("url") not in urls]
    others = {field: value for field, value in asked.items() if field != "links"}
    return {**others, "links": [*there, *new]} if new else others


def _annotations(incident: Object) -> dict[str, str]:
    return incident["metadata"].get("annotations") or {}


def _state(incident: Object) -> IncidentState:
    return IncidentState(incident["spec"].get("state", IncidentState.OPEN))


_RETRIES = (
    "Worth a retry: no answer, conflicts, throttling, failures of the API server. Never: an "
    "incident that is not there, a value the API server refuses, missing permissions. "
)

INCIDENT_CREATE = Action(
    name="incident-create",
    title="Open an incident",
    category="incident",
    icon="alert",
    parameters=IncidentCreate,
    outputs=Created,
    run=incident_create,
    retries=_RETRIES + "A retry finds the incident that an earlier attempt opened.",
    classify=classify,
    uses_cluster=True,
)
INCIDENT_UPDATE = Action(
    name="incident-update",
    title="Update an incident",
    category="incident",
    icon="edit",
    parameters=IncidentUpdate,
    outputs=Updated,
    run=incident_update,
    retries=_RETRIES + "What is so already is not written again.",
    classify=classify,
    uses_cluster=True,
)
INCIDENT_RESOLVE = Action(
    name="incident-resolve",
    title="Resolve an incident",
    category="incident",
    icon="check",
    parameters=IncidentResolve,
    outputs=Resolved,
    run=incident_resolve,
    retries=_RETRIES + "A resolved incident is not written again.",
    classify=classify,
    uses_cluster=True,
)
