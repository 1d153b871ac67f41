"""Updates over HTTP; with If-Match, only of the version that the caller has read."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from orchestrator.api.creation import MANAGER
from orchestrator.api.request_bodies import ObjectPatch
from orchestrator.api.responses import check_version, expected_version, object_response
from orchestrator.kube.resources import Resource
from orchestrator.operations.edit_workflow import merged
from orchestrator.session import editing
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.errors import UsageError


def update_object(
    request: Request,
    cluster: Cluster,
    kind: Resource,
    found: Raw,
    change: Callable[[Raw], Raw],
    version: str = "",
) -> Raw:
    """Update an object, and return it as stored.

    Raises ProblemError 412 if If-Match, or `version`, names another version than the object has.
    """
    version = version or expected_version(request)
    check_version(found, version)
    try:
        return editing.change(cluster, kind, found, change, manager=MANAGER, version=version)
    except UsageError as error:
        if version and editing.is_conflict(error):
            check_version(cluster.get(kind, found["metadata"]["name"]), version)
        raise


def update_response(
    request: Request,
    cluster: Cluster,
    kind: Resource,
    found: Raw,
    change: Callable[[Raw], Raw],
    version: str = "",
) -> Response:
    """Update an object; the response contains it as stored."""
    return object_response(update_object(request, cluster, kind, found, change, version))


def delete_response(cluster: Cluster, kind: Resource, found: Raw, version: str) -> Response:
    """Delete an object as it was read; 204. Raises ProblemError 412 if it is at another version."""
    check_version(found, version)
    metadata = found["metadata"]
    preconditions = {"uid": metadata["uid"]}
    if version:
        preconditions["resourceVersion"] = version
    try:
        cluster.delete(kind, metadata["name"], preconditions)
    except UsageError as error:
        if version and editing.is_conflict(error):
            check_version(cluster.get(kind, metadata["name"]), version)
        raise
    return Response(status_code=204)


def merge_patched(raw: Raw, body: ObjectPatch) -> Raw:
    """An object after a JSON merge patch (RFC 7386)."""
    patch = body.model_dump(mode="json", exclude_unset=True, by_alias=True)
    metadata = merged(raw["metadata"], patch.get("metadata") or {})
    return {**raw, "metadata": metadata, "spec": merged(raw["spec"], patch.get("spec") or {})}
