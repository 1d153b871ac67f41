"""Creations over HTTP; with an Idempotency-Key, a repeated request returns the same object."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Header
from starlette.requests import Request
from starlette.responses import Response

from orchestrator.api.history_responses import HistoryUnavailableError, from_history
from orchestrator.api.responses import object_response
from orchestrator.engine.trace_context import parse_traceparent
from orchestrator.kube.resources import EXECUTIONS, Resource
from orchestrator.models.labels import TRACEPARENT
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.idempotency import RequestKey, create_once, earlier, is_made_by

MANAGER = "itechsmart-workflow-api"
"""The field manager of what the API writes."""
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=128,
        pattern=r"^[!-~]*$",
        description="The same key with the same content creates one object, however often it is"
        " sent by the same user; with other content it is refused.",
    ),
]


def repeated_start(
    request: Request, cluster: Cluster, workflow: str, name: str | None, key: str, content: Any
) -> Response | None:
    """The execution of an earlier request with the key, before anything is checked: by now, the
    Workflow may no longer be startable, and the execution may be in the history only.

    While the history cannot be read, what it has does not count.
    """
    if not key:
        return None
    request_key = _request_key(request, cluster, key, content)
    execution_name = name or request_key.name(f"{workflow}-")
    found = earlier(cluster, EXECUTIONS, execution_name, request_key)
    if found is None:
        found = _recorded(request, cluster, execution_name, request_key)
    return None if found is None else object_response(found)


def _recorded(request: Request, cluster: Cluster, name: str, request_key: RequestKey) -> Raw | None:
    history, rights = request.app.state.clients.history, request.app.state.clients.rights
    if history is None or not rights.allows(cluster, "get", EXECUTIONS):
        return None
    try:
        found: Raw | None = history.get_named(cluster.namespace, name)
    except HistoryUnavailableError:
        return None
    return from_history(found) if found is not None and is_made_by(found, request_key) else None


def create_response(
    request: Request, cluster: Cluster, kind: Resource, manifest: Raw, key: str, content: Any
) -> Response:
    """Create an object: 201, or 200 if an earlier request with the key has."""
    request_key = _request_key(request, cluster, key, content) if key else None
    if kind is EXECUTIONS:
        manifest = _traced(manifest, request.headers.get("traceparent", ""))
    stored, made = create_once(cluster, kind, manifest, request_key, manager=MANAGER)
    return object_response(stored, status=201 if made else 200)


def _traced(manifest: Raw, traceparent: str) -> Raw:
    """The execution as a part of the caller's trace, if the header is valid."""
    if parse_traceparent(traceparent) is None:
        return manifest
    metadata = manifest["metadata"]
    annotations = {**(metadata.get("annotations") or {}), TRACEPARENT: traceparent}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def _request_key(request: Request, cluster: Cluster, key: str, content: Any) -> RequestKey:
    route = f"{request.method} {request.url.path}"
    user = cluster.user or cluster.who()["username"]
    return RequestKey.of(user, route, key, content)
