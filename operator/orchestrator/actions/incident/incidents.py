"""Shared by the actions on incidents: parameters, and changes without lost updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, Field

from orchestrator.actions.action import ActionError, Context, Parameters
from orchestrator.actions.cluster import Object
from orchestrator.kube.errors import ApiError
from orchestrator.kube.resources import INCIDENTS
from orchestrator.models.incident import IncidentState

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

T = TypeVar("T")
ATTEMPTS = 5
"""How often a change is retried after a concurrent change of the incident."""
RETRIES = (
    "Retried: no response, conflicts, throttling, failures of the API server. Not retried: an "
    "incident that does not exist, a value that the API server refuses, missing permissions. "
)

IncidentName = Annotated[str, Field(max_length=253, pattern=r"^([a-z0-9]([-.a-z0-9]*[a-z0-9])?)?$")]
Person = Annotated[str, Field(max_length=253)]
Title = Annotated[str, AfterValidator(lambda text: _shortened(text, 256))]
Summary = Annotated[str, AfterValidator(lambda text: _shortened(text, 4096))]
Links = Annotated[list[dict[str, str]], Field(max_length=32)]


def _shortened(text: str, length: int) -> str:
    """A long string, truncated: during an incident that is better than an error."""
    return text if len(text) <= length else text[: length - 1] + "…"


class OnIncident(Parameters):
    """The incident to change."""

    name: Annotated[IncidentName, Field(min_length=1)]
    """Name of the incident, such as the output name of incident-create."""


class IncidentDetails(Parameters):
    """What is known of an incident, and its people."""

    summary: Summary = ""
    """Summary of what is known; shortened to 4096 characters."""
    assignee: Person = ""
    """The person who works on it."""
    escalation: Person = ""
    """The person or team that it is escalated to."""


def change(name: str, asked: dict[str, Any], context: Context) -> tuple[Object, list[str]]:
    """Set fields of the spec and add links; no write if nothing changes."""
    return retry_conflicts(context, lambda: _change_once(name, asked, context))


def _change_once(name: str, asked: dict[str, Any], context: Context) -> tuple[Object, list[str]]:
    cluster = context.cluster()
    incident = cluster.get(INCIDENTS, context.identity.namespace, name)
    wanted = _with_links(asked, incident["spec"])
    changed = {
        field: value for field, value in wanted.items() if incident["spec"].get(field) != value
    }
    if not changed:
        context.log(f"incident {name} is unchanged")
        return incident, []
    incident = merge(cluster, incident, context, {"spec": changed})
    context.log(f"incident {name}: changed {', '.join(changed)}")
    return incident, sorted(changed)


def retry_conflicts(context: Context, work: Callable[[], T]) -> T:
    """Apply a change, and retry it on the current incident after a concurrent change."""
    for attempt in range(ATTEMPTS):
        try:
            return work()
        except ConflictError as conflict:
            context.log(f"{conflict}; trying again")
            context.clock.sleep(0.1 * 2**attempt)
    return work()


class ConflictError(ActionError):
    """Someone else changed the incident since it was read."""


def merge(cluster: BlockingClient, incident: Object, context: Context, patch: Object) -> Object:
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
            message = f"incident {name} was changed by someone else in the meantime"
            raise ConflictError(message) from error
        raise


def _with_links(asked: dict[str, Any], spec: Object) -> dict[str, Any]:
    there = spec.get("links", [])
    urls = {link["url"] for link in there}
    new = [link for link in asked.get("links", []) if link.get("url") not in urls]
    others = {field: value for field, value in asked.items() if field != "links"}
    return {**others, "links": [*there, *new]} if new else others


def state_of(incident: Object) -> IncidentState:
    """The state of an incident."""
    return IncidentState(incident["spec"].get("state", IncidentState.OPEN))
