"""Workflows: list, create, change, copy, validate and run them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from orchestrator.api import listing
from orchestrator.api.creation import IdempotencyKey, create_response, repeated_start
from orchestrator.api.dependencies import CallerOf
from orchestrator.api.identifiers import Namespace, Namespaces, TargetOf
from orchestrator.api.openapi import returns
from orchestrator.api.problems import ProblemError
from orchestrator.api.request_bodies import (
    Duplication,
    ObjectPatch,
    Start,
    WorkflowManifest,
    manifest_of,
)
from orchestrator.api.responses import expected_version, json_response, object_response
from orchestrator.api.updates import delete_response, merge_patched, update_response
from orchestrator.kube.projection import without_managed_fields
from orchestrator.kube.resources import EXECUTIONS, WORKFLOWS
from orchestrator.models.workflow import WorkflowState
from orchestrator.operations.edit_workflow import set_state
from orchestrator.session import editing
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.startable import startable

router = APIRouter(tags=["workflows"])
SORTS: Mapping[str, listing.SortKey] = {
    **listing.SORTS,
    "state": lambda raw: state_of(raw),
    "title": lambda raw: str(raw["spec"].get("title") or ""),
}
WORKFLOW = returns("Workflow", "The Workflow.")


_OWNED = (
    "app.kubernetes.io/managed-by", "app.kubernetes.io/instance", "helm.sh/", "argocd.argoproj.io/",
    "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/",
)  # fmt: skip
"""Labels, and prefixes of some, of what a tool has installed and may remove again."""


def copied_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that a copy has as well."""
    return {key: value for key, value in labels.items() if not key.startswith(_OWNED)}


def state_of(raw: Raw) -> str:
    """The state of a Workflow."""
    return str(raw["spec"].get("state") or "Active")


@router.get("/workflows", responses=returns("WorkflowList", "A page of Workflows."))
def list_workflows(
    caller: CallerOf,
    namespace: Namespaces = [],  # noqa: B006 - FastAPI copies it
    state: Annotated[
        list[WorkflowState],
        Query(max_length=8, description="Only Workflows in this state; repeatable."),
    ] = [],  # noqa: B006
    text: listing.Search = "",
    label: listing.Labels = "",
    sort: listing.SortBy = "name",
    limit: listing.Limit = 100,
    page: listing.Page = "",
) -> Response:
    """List Workflows. Archived ones are listed only where `state` asks for them."""
    items, refused = listing.read(caller, WORKFLOWS, namespace, {"labelSelector": label})
    states = [one.value for one in state] or ["Draft", "Active", "Inactive"]
    chosen = [
        raw
        for raw in items
        if state_of(raw) in states and (not text or listing.contains(raw, text))
    ]
    return json_response(listing.page_of(chosen, refused, SORTS, sort, limit, page))


@router.post(
    "/workflows",
    status_code=201,
    responses=returns("Workflow", "The new Workflow.", 201)
    | returns("Workflow", "An earlier request with the same key created it."),
)
def create_workflow(
    request: Request,
    caller: CallerOf,
    body: WorkflowManifest,
    namespace: Namespace = "default",
    idempotency_key: IdempotencyKey = "",
) -> Response:
    """Create a Workflow, after the checks that `orchestrator apply` makes."""
    manifest = manifest_of(body, namespace)
    cluster = caller.cluster(manifest["metadata"]["namespace"])
    editing.check(cluster, WORKFLOWS, manifest)
    return create_response(request, cluster, WORKFLOWS, manifest, idempotency_key, manifest)


@router.get("/workflows/{id}", responses=WORKFLOW)
def read_workflow(request: Request, target: TargetOf) -> Response:
    """Read a Workflow."""
    return object_response(target.find(WORKFLOWS)[1], request)


@router.put("/workflows/{id}", responses=WORKFLOW)
def replace_workflow(
    request: Request,
    target: TargetOf,
    body: WorkflowManifest,
) -> Response:
    """Replace a Workflow's spec, labels and annotations. Needs `If-Match`."""
    version = expected_version(request, required=True)
    cluster, found = target.find(WORKFLOWS)
    wanted = manifest_of(body, found["metadata"]["namespace"])
    for field in ("name", "namespace"):
        if wanted["metadata"][field] != found["metadata"][field]:
            message = f"metadata.{field} is {found['metadata'][field]}, which cannot be changed"
            raise ProblemError(422, message)
    return update_response(request, cluster, WORKFLOWS, found, lambda _: wanted, version)


@router.patch("/workflows/{id}", responses=WORKFLOW)
def patch_workflow(request: Request, target: TargetOf, body: ObjectPatch) -> Response:
    """Change a Workflow by a JSON merge patch of `spec`, `metadata.labels` and
    `metadata.annotations`."""
    cluster, found = target.find(WORKFLOWS)
    return update_response(request, cluster, WORKFLOWS, found, lambda raw: merge_patched(raw, body))


@router.delete("/workflows/{id}", status_code=204)
def delete_workflow(request: Request, target: TargetOf) -> Response:
    """Delete a Workflow; its executions stay. Needs `If-Match`."""
    version = expected_version(request, required=True)
    cluster, found = target.find(WORKFLOWS)
    return delete_response(cluster, WORKFLOWS, found, version)


@router.post("/workflows/{id}/activate", responses=WORKFLOW)
def activate_workflow(request: Request, target: TargetOf) -> Response:
    """Set the state Active: it can be started."""
    return _in_state(request, target, WorkflowState.ACTIVE)


@router.post("/workflows/{id}/deactivate", responses=WORKFLOW)
def deactivate_workflow(request: Request, target: TargetOf) -> Response:
    """Set the state Inactive: nothing starts it."""
    return _in_state(request, target, WorkflowState.INACTIVE)


@router.post("/workflows/{id}/archive", responses=WORKFLOW)
def archive_workflow(request: Request, target: TargetOf) -> Response:
    """Set the state Archived: nothing starts it, and lists leave it out."""
    return _in_state(request, target, WorkflowState.ARCHIVED)


@router.post(
    "/workflows/{id}/duplicate",
    status_code=201,
    responses=returns("Workflow", "The copy.", 201)
    | returns("Workflow", "An earlier request with the same key created it."),
)
def duplicate_workflow(
    request: Request,
    target: TargetOf,
    body: Duplication,
    idempotency_key: IdempotencyKey = "",
) -> Response:
    """Create a copy of a Workflow under another name, as a Draft. Labels by which Helm, Argo CD and
    Flux know what is theirs are left out, or they would remove it."""
    _, found = target.find(WORKFLOWS)
    metadata: dict[str, Any] = {
        "name": body.name,
        "namespace": body.namespace or found["metadata"]["namespace"],
    }
    if labels := copied_labels(found["metadata"].get("labels") or {}):
        metadata["labels"] = labels
    spec = set_state(found["spec"], WorkflowState.DRAFT.value)
    if body.title is not None:
        spec["title"] = body.title
    manifest = {
        "apiVersion": WORKFLOWS.api_version,
        "kind": WORKFLOWS.kind,
        "metadata": metadata,
        "spec": spec,
    }
    cluster = target.caller.cluster(metadata["namespace"])
    editing.check(cluster, WORKFLOWS, manifest)
    content = body.model_dump(mode="json")
    return create_response(request, cluster, WORKFLOWS, manifest, idempotency_key, content)


@router.post("/workflows/{id}/validate", responses=returns("Validation", "The findings."))
def validate_workflow(target: TargetOf) -> Response:
    """Check a Workflow as `orchestrator lint` does: against the Templates and Workflows that are
    there now."""
    cluster, found = target.find(WORKFLOWS)
    return json_response(findings(cluster, found))


@router.post("/workflows/validate", responses=returns("Validation", "The findings."))
def validate_manifest(
    caller: CallerOf, body: WorkflowManifest, namespace: Namespace = "default"
) -> Response:
    """Check a manifest that is not stored."""
    manifest = manifest_of(body, namespace)
    cluster = caller.cluster(manifest["metadata"]["namespace"])
    cluster.who()
    return json_response(findings(cluster, manifest))


@router.post(
    "/workflows/{id}/execute",
    status_code=201,
    responses=returns("WorkflowExecution", "The new execution.", 201)
    | returns("WorkflowExecution", "The execution of an earlier request, or of a dry run."),
)
def execute_workflow(
    request: Request,
    target: TargetOf,
    body: Start | None = None,
    idempotency_key: IdempotencyKey = "",
) -> Response:
    """Start an execution, after the checks that `orchestrator run` makes."""
    body = body or Start()
    cluster, workflow = target.find(WORKFLOWS)
    content, called = body.model_dump(mode="json"), workflow["metadata"]["name"]
    key = idempotency_key
    if answer := repeated_start(request, cluster, called, body.name, key, content):
        return answer
    manifest = startable(cluster, workflow, body.variables, body.name)
    manifest["metadata"]["namespace"] = cluster.namespace
    if body.dry_run:
        return json_response(
            without_managed_fields(cluster.create(EXECUTIONS, manifest, dry_run=True))
        )
    return create_response(request, cluster, EXECUTIONS, manifest, key, content)


def findings(cluster: Cluster, manifest: Raw) -> dict[str, Any]:
    """What is wrong with a manifest, and what is probably not intended."""
    found = editing.findings(cluster, WORKFLOWS, manifest)
    return {
        "valid": not found.problems,
        "errors": [{"path": one.path, "message": one.message} for one in found.problems],
        "warnings": [{"path": one.path, "message": one.message} for one in found.warnings],
        "unchecked": list(found.unchecked),
    }


def _in_state(request: Request, target: TargetOf, state: WorkflowState) -> Response:
    cluster, found = target.find(WORKFLOWS)

    def change(raw: Raw) -> Raw:
        return {**raw, "spec": set_state(raw["spec"], state.value)}

    return update_response(request, cluster, WORKFLOWS, found, change)
