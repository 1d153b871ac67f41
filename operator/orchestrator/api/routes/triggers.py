"""Triggers: list, create, change, suspend, test and fire them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from orchestrator.api import listing
from orchestrator.api.creation import IdempotencyKey, create_response, repeated_start
from orchestrator.api.dependencies import CallerOf
from orchestrator.api.execution_listing import brief
from orchestrator.api.identifiers import Namespace, Namespaces, TargetOf
from orchestrator.api.openapi import returns
from orchestrator.api.problems import ProblemError
from orchestrator.api.request_bodies import FiredEvent, ObjectPatch, TriggerManifest, manifest_of
from orchestrator.api.responses import expected_version, json_response, object_response
from orchestrator.api.updates import delete_response, merge_patched, update_response
from orchestrator.engine.times import to_rfc3339
from orchestrator.kube.resources import EXECUTIONS, TRIGGERS, WORKFLOWS
from orchestrator.operations.executions import phase_of
from orchestrator.operations.trigger import called, next_moments, suspend
from orchestrator.operations.writes import Unchanged
from orchestrator.session import editing
from orchestrator.session.cluster import Raw
from orchestrator.session.permission import require
from orchestrator.session.trigger_starts import HandEvent, fired, read_on_cluster, tested
from orchestrator.triggers.registry import REGISTRY
from orchestrator.triggers.sources import Clock

router = APIRouter(tags=["triggers"])
TRIGGER = returns("Trigger", "The Trigger.")
NEW = returns("Trigger", "The new Trigger.", 201) | returns(
    "Trigger", "An earlier request with the same key created it."
)
_KEYS = [each.key for each in REGISTRY.types]
SORTS: Mapping[str, listing.SortKey] = {
    **listing.SORTS,
    "workflow": lambda raw: str(raw["spec"].get("workflow", "")),
    "lastFired": lambda raw: str((raw.get("status") or {}).get("lastFired") or ""),
}


@router.get("/triggers", responses=returns("TriggerList", "A page of Triggers."))
def list_triggers(
    caller: CallerOf,
    namespace: Namespaces = [],  # noqa: B006 - FastAPI copies it
    workflow: Annotated[str, Query(max_length=63, description="Only of this Workflow.")] = "",
    type_: Annotated[
        str, Query(alias="type", max_length=63, description="Only of this type.")
    ] = "",
    label: listing.Labels = "",
    sort: listing.SortBy = "name",
    limit: listing.Limit = 100,
    page: listing.Page = "",
) -> Response:
    """List Triggers."""
    items, refused = listing.read(caller, TRIGGERS, namespace, {"labelSelector": label})
    chosen = [
        raw
        for raw in items
        if workflow in ("", raw["spec"].get("workflow")) and (not type_ or type_ in raw["spec"])
    ]
    return json_response(listing.page_of(chosen, refused, SORTS, sort, limit, page))


@router.post("/triggers", status_code=201, responses=NEW)
def create_trigger(
    request: Request,
    caller: CallerOf,
    body: TriggerManifest,
    namespace: Namespace = "default",
    idempotency_key: IdempotencyKey = "",
) -> Response:
    """Create a Trigger."""
    manifest = manifest_of(body, namespace, "Trigger")
    cluster = caller.cluster(manifest["metadata"]["namespace"])
    editing.check(cluster, TRIGGERS, manifest)
    return create_response(request, cluster, TRIGGERS, manifest, idempotency_key, manifest)


@router.get("/workflows/{id}/triggers", responses=returns("TriggerList", "A page of Triggers."))
def list_triggers_of_workflow(
    target: TargetOf, limit: listing.Limit = 100, page: listing.Page = ""
) -> Response:
    """List the Triggers that start a Workflow."""
    cluster, found = target.find(WORKFLOWS)
    name = found["metadata"]["name"]
    items = cluster.list(TRIGGERS)["items"]
    chosen = [raw for raw in items if raw["spec"].get("workflow") == name]
    return json_response(listing.page_of(chosen, (), SORTS, "name", limit, page))


@router.post("/workflows/{id}/triggers", status_code=201, responses=NEW)
def create_trigger_of_workflow(
    request: Request,
    target: TargetOf,
    body: TriggerManifest,
    idempotency_key: IdempotencyKey = "",
) -> Response:
    """Create a Trigger that starts this Workflow; `spec.workflow` may be left out."""
    cluster, found = target.find(WORKFLOWS)
    name = found["metadata"]["name"]
    manifest = manifest_of(body, cluster.namespace, "Trigger")
    manifest["spec"].setdefault("workflow", name)
    for given, wanted in (
        (manifest["spec"]["workflow"], name),
        (manifest["metadata"]["namespace"], cluster.namespace),
    ):
        if given != wanted:
            raise ProblemError(422, f"the path names the Workflow {cluster.namespace}:{name}")
    editing.check(cluster, TRIGGERS, manifest)
    return create_response(request, cluster, TRIGGERS, manifest, idempotency_key, manifest)


@router.get("/triggers/{id}", responses=TRIGGER)
def read_trigger(request: Request, target: TargetOf) -> Response:
    """Read a Trigger."""
    return object_response(target.find(TRIGGERS)[1], request)


@router.put("/triggers/{id}", responses=TRIGGER)
def replace_trigger(request: Request, target: TargetOf, body: TriggerManifest) -> Response:
    """Replace a Trigger's spec, labels and annotations. Needs `If-Match`."""
    version = expected_version(request, required=True)
    cluster, found = target.find(TRIGGERS)
    wanted = manifest_of(body, found["metadata"]["namespace"], "Trigger")
    for field in ("name", "namespace"):
        if wanted["metadata"][field] != found["metadata"][field]:
            message = f"metadata.{field} is {found['metadata'][field]}, which cannot be changed"
            raise ProblemError(422, message)
    return update_response(request, cluster, TRIGGERS, found, lambda _: wanted, version)


@router.patch("/triggers/{id}", responses=TRIGGER)
def patch_trigger(request: Request, target: TargetOf, body: ObjectPatch) -> Response:
    """Change a Trigger by a JSON merge patch."""
    cluster, found = target.find(TRIGGERS)
    return update_response(request, cluster, TRIGGERS, found, lambda raw: merge_patched(raw, body))


@router.delete("/triggers/{id}", status_code=204)
def delete_trigger(request: Request, target: TargetOf) -> Response:
    """Delete a Trigger. Needs `If-Match`."""
    version = expected_version(request, required=True)
    cluster, found = target.find(TRIGGERS)
    return delete_response(cluster, TRIGGERS, found, version)


@router.post("/triggers/{id}/suspend", responses=TRIGGER)
def suspend_trigger(target: TargetOf) -> Response:
    """Suspend a Trigger: it starts nothing."""
    return _suspended(target, suspended=True)


@router.post("/triggers/{id}/resume", responses=TRIGGER)
def resume_trigger(target: TargetOf) -> Response:
    """Resume a suspended Trigger."""
    return _suspended(target, suspended=False)


def _suspended(target: TargetOf, *, suspended: bool) -> Response:
    cluster, found = target.find(TRIGGERS)
    require(cluster, "patch", TRIGGERS)
    write = suspend(found, suspend=suspended)
    return object_response(found if isinstance(write, Unchanged) else cluster.send(write))


@router.post("/triggers/{id}/test", responses=returns("TriggerTest", "What it would do."))
def try_trigger(target: TargetOf, body: FiredEvent | None = None) -> Response:
    """Say what a Trigger would do with an event, and start nothing, as `orchestrator trigger test`
    does. Without an event, it is tried with the next slot or a sample of its type."""
    cluster, found = target.find(TRIGGERS)
    result = tested(cluster, found, _given(body), time.time())
    return json_response(
        {
            "fires": result.fires,
            "why": result.why,
            "execution": result.name,
            "variables": dict(result.variables),
        }
    )


@router.post(
    "/triggers/{id}/fire",
    status_code=201,
    responses=returns("WorkflowExecution", "The new execution.", 201)
    | returns("WorkflowExecution", "An earlier request with the same key created it."),
)
def fire_trigger(
    request: Request,
    target: TargetOf,
    body: FiredEvent | None = None,
    idempotency_key: IdempotencyKey = "",
) -> Response:
    """Start the Trigger's execution in your own name, suspended or not, as `orchestrator trigger
    run` does."""
    cluster, found = target.find(TRIGGERS)
    content, of = None if body is None else body.model_dump(mode="json"), found["spec"]["workflow"]
    if answer := repeated_start(request, cluster, of, None, idempotency_key, content):
        return answer
    manifest = fired(cluster, found, _given(body), time.time())
    return create_response(request, cluster, EXECUTIONS, manifest, idempotency_key, content)


def _given(body: FiredEvent | None) -> HandEvent:
    return HandEvent() if body is None else HandEvent(body.event, body.inputs, body.execution)


@router.get("/triggers/{id}/next", responses=returns("Items", "Times, the earliest first."))
def list_next_times(
    target: TargetOf,
    count: Annotated[int, Query(ge=1, le=100, description="How many.")] = 10,
) -> Response:
    """List the times at which a Trigger with a schedule fires next, jitter included."""
    _, found = target.find(TRIGGERS)
    read = read_on_cluster(found)
    if not isinstance(read.type.source, Clock):
        raise ProblemError(409, f"{called(found)} has no schedule: it fires when its event happens")
    moments = next_moments(found, read, time.time(), count)
    items = [{"at": to_rfc3339(at), "suspended": read.spec.suspend} for at in moments]
    return json_response({"items": items})


@router.get("/triggers/{id}/events", responses=returns("TriggerEvents", "The events."))
def list_events_of_trigger(target: TargetOf, limit: listing.Limit = 100) -> Response:
    """List the recent events that started executions, the newest first, with the counts of all
    events and the last error."""
    cluster, found = target.find(TRIGGERS)
    query = {"fieldSelector": f"spec.trigger.uid={found['metadata']['uid']}"}
    executions = [*cluster.list_in_part(EXECUTIONS, brief, query=query)]
    executions.sort(key=lambda raw: str(raw["metadata"].get("creationTimestamp")), reverse=True)
    status = found.get("status") or {}
    answer: dict[str, Any] = {
        "items": [_event(raw) for raw in executions[:limit]],
        "counts": status.get("counts") or {},
    }
    if "lastError" in status:
        answer["lastError"] = status["lastError"]
    return json_response(answer)


def _event(execution: Raw) -> dict[str, Any]:
    return {
        "execution": execution["metadata"]["name"],
        "created": execution["metadata"].get("creationTimestamp"),
        "phase": phase_of(execution),
        "event": execution["spec"]["trigger"].get("event") or {},
    }
