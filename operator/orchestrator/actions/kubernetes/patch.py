"""patch: change fields of an object by a merge patch, a strategic merge patch or a JSON patch."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Family, Outputs, Right
from orchestrator.actions.cluster import MAX_CONFLICTS, Object, annotations_of, classify
from orchestrator.actions.kubernetes.kinds import (
    CHANGEABLE,
    Kinds,
    OfKind,
    check_allowed,
    names,
    place_of,
    target,
)
from orchestrator.actions.kubernetes.manifests import essence
from orchestrator.actions.kubernetes.targets import Name
from orchestrator.kube.errors import ApiError
from orchestrator.kube.media_types import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from orchestrator.models.labels import PATCHED_BY

if TYPE_CHECKING:
    from orchestrator.kube.resources import Resource

_WHOLE_OBJECT = re.compile(r'"" is invalid: patch: Invalid value: ".*\}": (?:json: )?')
"""What the API server puts before the reason why a patch does not fit: the patched object."""
_ANNOTATIONS = "/metadata/annotations/"


class PatchType(StrEnum):
    MERGE = "Merge"
    STRATEGIC = "Strategic"


MEDIA_TYPES = {PatchType.MERGE: MERGE_PATCH, PatchType.STRATEGIC: STRATEGIC_MERGE_PATCH}


class Patch(OfKind):
    """Parameters of patch."""

    name: Annotated[Name, Field(min_length=1)]
    """Name of the object."""
    patch: dict[str, Any] | None = None
    """Fields to change; give either this or operations."""
    type: PatchType = PatchType.MERGE
    """How the fields are merged: Merge (RFC 7386) replaces lists; Strategic merges lists such as
    containers by their key, for Kubernetes' own kinds."""
    operations: Annotated[list[dict[str, Any]], Field(max_length=1000)] | None = None
    """Operations of a JSON patch (RFC 6902)."""
    kinds: Kinds = names(CHANGEABLE)
    """Kinds that may be patched, with their group; `*` allows any."""

    @model_validator(mode="after")
    def _one(self) -> Patch:
        if bool(self.patch) == bool(self.operations):
            raise ValueError("give either patch or operations")
        return self


class Patched(Outputs):
    """Outputs of patch."""

    changed: bool
    """Whether the object was changed, its status aside."""
    generation: int | None = None
    """The object's generation after the patch, which counts changes of its spec."""
    repeated: bool = False
    """Whether an earlier attempt had already patched it."""


def patch(parameters: Patch, context: Context) -> Patched:
    """Changes fields of an object, as kubectl patch does."""
    cluster, key = context.cluster(), context.identity.key
    resource, namespace = target(cluster, parameters, context)
    check_allowed(resource.kind, resource.api_version, parameters.kinds)
    shown = place_of(resource, namespace, parameters.name)
    for conflicts in range(MAX_CONFLICTS + 1):
        before = cluster.get(resource, namespace, parameters.name)
        if annotations_of(before).get(PATCHED_BY) == key:
            context.log(f"{shown} was patched by an earlier attempt")
            return _answer(before, changed=True, repeated=True)
        try:
            own = {**cluster.annotations(), PATCHED_BY: key}
            body, media_type = _request(parameters, before, own)
            after = cluster.patch(resource, namespace, parameters.name, body, media_type)
        except ApiError as error:
            if error.status == 409 and conflicts < MAX_CONFLICTS:
                continue
            raise _explained(error, parameters, resource, shown) from error
        context.log(f"{shown} is patched")
        changed = essence(before) != essence(after)
        return _answer(after, changed=changed)
    raise AssertionError("unreachable")


def _request(parameters: Patch, before: Object, own: dict[str, str]) -> tuple[Any, str]:
    """The patch with annotations of our own, to an object that is as read; and its media type."""
    version = before["metadata"]["resourceVersion"]
    if parameters.operations:
        mark: list[dict[str, Any]] = [
            {"op": "add", "path": _ANNOTATIONS + name.replace("/", "~1"), "value": value}
            for name, value in own.items()
        ]
        if before["metadata"].get("annotations") is None:
            empty = {"op": "add", "path": "/metadata/annotations", "value": {}}
            mark.insert(0, empty)
        # The API server answers Conflict if the version that an update sets is an old one.
        guard = {"op": "replace", "path": "/metadata/resourceVersion", "value": version}
        return [guard, *parameters.operations, *mark], JSON_PATCH
    given = parameters.patch or {}
    metadata = given.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), **own}
    guarded = {**metadata, "annotations": annotations, "resourceVersion": version}
    return {**given, "metadata": guarded}, MEDIA_TYPES[parameters.type]


def _explained(error: ApiError, parameters: Patch, resource: Resource, shown: str) -> Exception:
    if error.status == 415 and parameters.type is PatchType.STRATEGIC:
        words = f"{shown}: {resource.kind} takes no strategic merge patch; use type: Merge"
        return ActionError(words, permanent=True)
    if error.status in (400, 422):
        words = _WHOLE_OBJECT.sub("", " ".join(error.message.split()))
        return ActionError(f"{shown}: {words}", permanent=True)
    return error


def _answer(found: Object, *, changed: bool, repeated: bool = False) -> Patched:
    return Patched(
        changed=changed, generation=found["metadata"].get("generation"), repeated=repeated
    )


ACTION = Action(
    name="patch",
    title="Patch an object",
    category="kubernetes",
    icon="edit",
    parameters=Patch,
    outputs=Patched,
    run=patch,
    retries=(
        "Retried: no response, throttling, failures of the API server, an object that others keep "
        "changing. Not retried: a kind that is not allowed, an object that does not exist, a patch "
        "that the API server refuses, missing permissions. An annotation of the object records the "
        "patch, so that a retry does not apply it twice."
    ),
    classify=classify,
    rights=tuple(
        Right(
            resource,
            {
                "get": "read whether an earlier attempt has patched the object",
                "patch": "change the object",
            },
        )
        for resource in CHANGEABLE
    ),
    family=Family.MANIFESTS,
    example="""
        nodes:
        - name: pause
          action: patch
          with:
            kind: Deployment
            name: web
            patch: {spec: {paused: true}}
    """,
)
