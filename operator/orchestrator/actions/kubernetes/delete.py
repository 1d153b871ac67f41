"""delete: delete an object, or those that a selector matches."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Family, Outputs, Right
from orchestrator.actions.cluster import Object, classify
from orchestrator.actions.kubernetes.kinds import (
    DELETABLE,
    Kinds,
    OfKind,
    check_allowed,
    names,
    place_of,
    target,
)
from orchestrator.actions.kubernetes.targets import Name
from orchestrator.kube.errors import ApiError
from orchestrator.models.base import Duration, parse_duration

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient
    from orchestrator.kube.resources import Resource

MIN_POLL, MAX_POLL = 0.25, 2.0
"""Seconds between two reads: a tenth of the time waited, within these bounds."""


class Propagation(StrEnum):
    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


class Delete(OfKind):
    """Parameters of delete."""

    name: Name = ""
    """Name of the object; give either this or selector."""
    selector: Annotated[str, Field(max_length=1024)] = ""
    """Label selector of the objects, as for kubectl."""
    kinds: Kinds = names(DELETABLE)
    """Kinds that may be deleted, with their group; `*` allows any."""
    propagation: Propagation = Propagation.BACKGROUND
    """What happens to objects that the deleted ones own: deleted afterwards (Background), deleted
    first (Foreground), or kept (Orphan)."""
    grace_period_seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None
    """Seconds that a pod has to end; its own if absent, 0 ends it at once."""
    max_objects: Annotated[int, Field(ge=1, le=1000)] = 50
    """Delete nothing if the selector matches more objects than this."""
    wait: bool = True
    """Whether to wait until the objects are gone, finalizers included."""
    timeout: Duration = "5m"
    """Maximum time to wait."""

    @model_validator(mode="after")
    def _one(self) -> Delete:
        if bool(self.name) == bool(self.selector):
            raise ValueError("give either name or selector")
        return self


class Deleted(Outputs):
    """Outputs of delete."""

    bulky = ("names",)

    count: int
    """Number of objects that this attempt deleted; 0 if there was none."""
    names: list[str]
    """Their names."""
    truncated: bool = False
    """Whether an output was truncated."""


def delete(parameters: Delete, context: Context) -> Deleted:
    """Deletes an object or those that a selector matches, and waits until they are gone. An object
    that does not exist is a success."""
    cluster = context.cluster()
    resource, namespace = target(cluster, parameters, context)
    check_allowed(resource.kind, resource.api_version, parameters.kinds)
    found = _found(cluster, resource, namespace, parameters)
    if not found:
        what = parameters.name or parameters.selector
        context.log(f"there is no {place_of(resource, namespace, what)}")
    for each in found:
        _delete(cluster, resource, namespace, each, parameters)
        context.log(f"{place_of(resource, namespace, each['metadata']['name'])} is deleted")
    if parameters.wait:
        _wait(cluster, context, (resource, namespace), found, parse_duration(parameters.timeout))
    deleted = [str(each["metadata"]["name"]) for each in found]
    return Deleted(count=len(deleted), names=deleted)


def _found(
    cluster: BlockingClient, resource: Resource, namespace: str, parameters: Delete
) -> list[Object]:
    if parameters.name:
        one = cluster.find(resource, namespace, parameters.name)
        return [one] if one else []
    found = cluster.list(resource, namespace, label_selector=parameters.selector)
    if len(found) > parameters.max_objects:
        raise ActionError(
            f"{parameters.selector} matches {len(found)} objects of {resource.kind}, more than "
            f"maxObjects, {parameters.max_objects}; nothing is deleted",
            permanent=True,
        )
    return found


def _delete(
    cluster: BlockingClient, resource: Resource, namespace: str, found: Object, asked: Delete
) -> None:
    """Delete this very object: another one of the same name stays."""
    options: Object = {
        "preconditions": {"uid": found["metadata"]["uid"]},
        "propagationPolicy": asked.propagation.value,
    }
    if asked.grace_period_seconds is not None:
        options["gracePeriodSeconds"] = asked.grace_period_seconds
    try:
        cluster.delete(resource, namespace, found["metadata"]["name"], options)
    except ApiError as error:
        if error.status not in (404, 409):  # gone, or replaced by another
            raise


def _wait(
    cluster: BlockingClient,
    context: Context,
    place: tuple[Resource, str],
    found: list[Object],
    timeout: float,
) -> None:
    resource, namespace = place
    left, started = found, context.clock.monotonic()
    while True:
        left = [each for each in left if _exists(cluster, resource, namespace, each)]
        waited = context.clock.monotonic() - started
        if not left:
            return
        if waited >= timeout:
            first = place_of(resource, namespace, left[0]["metadata"]["name"])
            waits = left[0]["metadata"].get("finalizers")
            because = f" (finalizers: {', '.join(waits)})" if waits else ""
            raise ActionError(f"{first} still exists after {waited:.0f} s{because}")
        context.clock.sleep(min(max(MIN_POLL, waited / 10), MAX_POLL))


def _exists(cluster: BlockingClient, resource: Resource, namespace: str, found: Object) -> bool:
    now = cluster.find(resource, namespace, found["metadata"]["name"])
    return now is not None and now["metadata"]["uid"] == found["metadata"]["uid"]


ACTION = Action(
    name="delete",
    title="Delete objects",
    category="kubernetes",
    icon="trash",
    parameters=Delete,
    outputs=Deleted,
    run=delete,
    retries=(
        "Retried: objects that still exist after the timeout, no response, throttling, failures of "
        "the API server. Not retried: a kind that is not allowed, a selector that matches too many "
        "objects, missing permissions. A retry deletes what is there again under the same name; "
        "what is gone is a success."
    ),
    classify=classify,
    rights=tuple(
        Right(
            resource,
            {
                "get": "read the object before it is deleted, and whether it is gone",
                "list": "find the objects that the selector matches",
                "delete": "delete the object",
            },
        )
        for resource in DELETABLE
    ),
    family=Family.MANIFESTS,
    example="""
        nodes:
        - name: clean_up
          action: delete
          with: {kind: Job, selector: "app=import", timeout: 2m}
    """,
)
