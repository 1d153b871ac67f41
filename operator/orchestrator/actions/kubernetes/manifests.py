"""Manifests that an action is given, and their server-side apply."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from orchestrator.actions.action import ActionError, Context, Right
from orchestrator.actions.cluster import FIELD_MANAGER, Object, annotations_of
from orchestrator.actions.kubernetes.kinds import (
    CHANGEABLE,
    Kinds,
    check_allowed,
    names,
    place_of,
    resource_of,
)
from orchestrator.actions.kubernetes.targets import InNamespace
from orchestrator.kube.errors import ApiError
from orchestrator.kube.resources import Resource
from orchestrator.models.labels import CHAIN, IMAGES, PATCHED_BY

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

MAX_OBJECTS = 200
APPLY_RIGHTS = tuple(
    Right(
        resource,
        {
            "get": "read the object before it is changed",
            "create": "create the object if it does not exist",
            "patch": "apply the manifest to the object",
        },
    )
    for resource in CHANGEABLE
)
"""What applying the kinds that are allowed by default needs."""
_UNTYPED = "failed to create typed patch object"
"""Answered with status 500 to a manifest whose fields have other types than the kind's."""
_MANAGER = re.compile(r'conflicts? with "([^"]+)"')
"""A field manager in the message of a conflict."""
_MARKS = (CHAIN, IMAGES)
"""Annotations that each write of an action sets to another value."""
_OWN = (*_MARKS, PATCHED_BY)
_OURS = ("managedFields", "resourceVersion", "generation")
"""Fields of the metadata that each write may change."""


class WithManifests(InNamespace):
    """Manifests, as objects or as text."""

    manifests: Annotated[list[dict[str, Any]], Field(max_length=MAX_OBJECTS)] = []
    """The manifests as objects; give either this or yaml."""
    yaml: Annotated[str, Field(max_length=1_000_000)] = ""
    """The manifests as YAML or JSON, documents separated by `---`."""
    kinds: Kinds = names(CHANGEABLE)
    """Kinds that may be applied, with their group; `*` allows any."""
    field_manager: Annotated[str, Field(min_length=1, max_length=128)] = FIELD_MANAGER
    """Field manager of the server-side apply, to which the fields belong afterwards."""
    force: bool = False
    """Whether to take over fields that other field managers own; otherwise such a conflict fails
    the action."""

    @model_validator(mode="after")
    def _either(self) -> WithManifests:
        if self.manifests and self.yaml:
            raise ValueError("give either manifests or yaml")
        return self


@dataclass(frozen=True, slots=True)
class Planned:
    """A manifest that may be applied, and where."""

    resource: Resource
    namespace: str
    body: Object

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.body["metadata"]["name"])

    @property
    def short(self) -> str:
        """Kind and name, as outputs list objects."""
        return f"{self.resource.kind}/{self.name}"

    @property
    def shown(self) -> str:
        """The object as messages name it."""
        return place_of(self.resource, self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Applied:
    """An object before and after it was applied."""

    planned: Planned
    before: Object | None
    after: Object

    @property
    def changed(self) -> bool:
        """Whether the object differs, its status aside."""
        if self.before is None:
            return True
        return essence(self.before) != essence(self.after)


def plan(cluster: BlockingClient, context: Context, parameters: WithManifests) -> list[Planned]:
    """The manifests in their order, each checked before the first is applied.

    Raises ActionError, permanent, for one that is no manifest or of a kind that is not allowed.
    """
    found = list(_objects(parameters))
    if not found:
        raise ActionError("there is no manifest to apply", permanent=True)
    if len(found) > MAX_OBJECTS:
        raise ActionError(f"{len(found)} manifests are more than {MAX_OBJECTS}", permanent=True)
    checked = [_checked(each, at, parameters.kinds) for at, each in enumerate(found)]
    resources: dict[tuple[str, str], Resource] = {}
    planned = []
    for body in checked:
        key = (body["kind"], body["apiVersion"])
        if key not in resources:
            resources[key] = resource_of(cluster, *key)
        own = body["metadata"].get("namespace") or parameters.in_namespace(context)
        namespace = own if resources[key].namespaced else ""
        planned.append(Planned(resources[key], namespace, body))
    return planned


def apply_one(
    cluster: BlockingClient, planned: Planned, parameters: WithManifests, *, dry_run: bool = False
) -> Applied:
    """Apply a manifest. Raises ActionError, permanent, for a conflict with other field managers."""
    before = cluster.find(planned.resource, planned.namespace, planned.name)
    return apply_over(cluster, planned, parameters, before, dry_run=dry_run)


def apply_over(
    cluster: BlockingClient,
    planned: Planned,
    parameters: WithManifests,
    before: Object | None,
    *,
    dry_run: bool = False,
) -> Applied:
    """Apply a manifest to an object that has been read; nothing is written if it changes nothing.

    What other actions of a workflow have changed, such as an image, is taken over: they write as
    the same field manager, but do not apply.
    """
    body = planned.body
    if before is not None:
        # These differ in each write: they are compared as they are.
        kept = {name: value for name, value in annotations_of(before).items() if name in _MARKS}
        body = with_annotations(body, kept)
    force = parameters.force
    try:
        probe = _apply(cluster, planned, body, parameters, force=force, dry_run=True)
    except ApiError as error:
        if set(_MANAGER.findall(error.message)) != {FIELD_MANAGER}:
            raise _explained(error, planned) from error
        force = True
        probe = _apply(cluster, planned, body, parameters, force=force, dry_run=True)
    same = before is not None and essence(before) == essence(probe)
    if dry_run or (same and _owned(before, parameters) == _owned(probe, parameters)):
        return Applied(planned, before, probe)
    try:
        after = _apply(cluster, planned, planned.body, parameters, force=force, dry_run=False)
    except ApiError as error:
        raise _explained(error, planned) from error
    return Applied(planned, before, after)


def with_annotations(body: Object, annotations: Mapping[str, str]) -> Object:
    """A manifest with further annotations."""
    if not annotations:
        return body
    metadata = body["metadata"]
    merged = {**(metadata.get("annotations") or {}), **annotations}
    return {**body, "metadata": {**metadata, "annotations": merged}}


def _apply(
    cluster: BlockingClient,
    planned: Planned,
    body: Object,
    parameters: WithManifests,
    *,
    force: bool,
    dry_run: bool,
) -> Object:
    return cluster.apply(
        planned.resource,
        planned.namespace,
        body,
        field_manager=parameters.field_manager,
        force=force,
        dry_run=dry_run,
    )


def _explained(error: ApiError, planned: Planned) -> Exception:
    """Names the object, and says what resolves a conflict."""
    words = " ".join(error.message.split())
    if error.status == 409 and _MANAGER.search(words):
        message = f"{planned.shown}: {words}; force: true takes these fields over"
        return ActionError(message, permanent=True)
    if error.refuses or error.status == 404 or words.startswith(_UNTYPED):
        return ActionError(f"{planned.shown}: {words}", permanent=True)
    return error


def _owned(found: Object | None, parameters: WithManifests) -> list[Any]:
    """The fields that the field manager has applied."""
    return [
        each.get("fieldsV1")
        for each in (found or {}).get("metadata", {}).get("managedFields") or []
        if (each["manager"], each["operation"]) == (parameters.field_manager, "Apply")
    ]


def report(applied: Applied, log: Callable[[str], None]) -> None:
    """A line of progress."""
    verb = "created" if applied.before is None else "changed" if applied.changed else "unchanged"
    log(f"{applied.planned.shown} {verb}")


def _objects(parameters: WithManifests) -> Iterator[Any]:
    given: Sequence[Any] = parameters.manifests
    if parameters.yaml:
        from orchestrator.formats.yaml_json import NotReadableError, read_yaml

        try:
            given = [each for each in read_yaml(parameters.yaml) if each is not None]
        except NotReadableError as error:
            raise ActionError(f"yaml: {error}", permanent=True) from None
    for each in given:
        if isinstance(each, dict) and each.get("kind") == "List":
            yield from each.get("items") or []
        else:
            yield each


def _checked(found: Any, at: int, kinds: Sequence[str]) -> Object:
    where = f"manifest {at + 1}"
    if not isinstance(found, dict):
        raise ActionError(f"{where} is not an object", permanent=True)
    for field in ("apiVersion", "kind"):
        if not isinstance(found.get(field), str) or not found[field]:
            raise ActionError(f"{where} has no {field}", permanent=True)
    metadata = found.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not name:
        raise ActionError(f"{where} ({found['kind']}) has no metadata.name", permanent=True)
    check_allowed(found["kind"], found["apiVersion"], kinds)
    body: Object = {key: value for key, value in found.items() if key != "status"}
    body["metadata"] = {key: value for key, value in found["metadata"].items() if key not in _OURS}
    return body


def essence(found: Object) -> Object:
    """An object without its status, what each write changes, and annotations of our actions."""
    metadata = {key: value for key, value in found["metadata"].items() if key not in _OURS}
    annotations = metadata.pop("annotations", None) or {}
    others = {name: value for name, value in annotations.items() if name not in _OWN}
    rest = {key: value for key, value in found.items() if key not in ("status", "metadata")}
    return {**rest, "metadata": metadata, "annotations": others}
