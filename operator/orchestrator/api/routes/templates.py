"""Templates of whole workflows, and the actions that nodes run."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from orchestrator.api import listing
from orchestrator.api.clients import Caller
from orchestrator.api.creation import IdempotencyKey, create_response
from orchestrator.api.dependencies import CallerOf
from orchestrator.api.identifiers import Namespaces, Target, TargetOf
from orchestrator.api.openapi import returns
from orchestrator.api.problems import ProblemError
from orchestrator.api.request_bodies import ActionTest, TemplateUse
from orchestrator.api.responses import json_response, object_response
from orchestrator.kube.projection import without_managed_fields
from orchestrator.kube.resources import CLUSTER_TEMPLATES, TEMPLATES, WORKFLOWS, Resource
from orchestrator.session import editing
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.errors import ForbiddenError, NotFoundError
from orchestrator.session.new_workflow import check_new, workflow_from
from orchestrator.validation.missing import LOCAL

router = APIRouter(tags=["templates and actions"])
SORTS = {
    **listing.SORTS,
    "title": lambda raw: str(raw["spec"].get("title") or ""),
    "category": lambda raw: str(raw["spec"].get("category") or ""),
}
KINDS = (CLUSTER_TEMPLATES, TEMPLATES)


@router.get("/templates", responses=returns("TemplateList", "A page of Templates."))
def list_templates(
    caller: CallerOf,
    namespace: Namespaces = [],  # noqa: B006 - FastAPI copies it
    text: listing.Search = "",
    sort: listing.SortBy = "name",
    limit: listing.Limit = 100,
    page: listing.Page = "",
) -> Response:
    """List Templates of whole workflows: ClusterTemplates, and the Templates of namespaces."""
    return _listed(caller, namespace, "workflow", text, sort, limit, page)


@router.get("/templates/{id}", responses=returns("Template", "The Template."))
def read_template(request: Request, target: TargetOf) -> Response:
    """Read a Template: a name is a ClusterTemplate's, `NAMESPACE:NAME` a Template's."""
    return object_response(_find(target, "workflow")[2], request)


@router.post(
    "/templates/{id}/use",
    status_code=201,
    responses=returns("Workflow", "The new Workflow.", 201)
    | returns("Workflow", "The Workflow of an earlier request, or of a dry run."),
)
def use_template(
    request: Request, target: TargetOf, body: TemplateUse, idempotency_key: IdempotencyKey = ""
) -> Response:
    """Create a Workflow from a Template, after the checks that `orchestrator new` makes."""
    kind, cluster, found = _find(target, "workflow")
    name = found["metadata"]["name"]
    reference = f"{LOCAL}{name}" if kind is TEMPLATES else name
    where = body.namespace or (cluster.namespace if kind is TEMPLATES else target.namespace)
    manifest = workflow_from(reference, found["spec"], body.name, body.parameters)
    manifest["metadata"]["namespace"] = where
    into = target.caller.cluster(where)
    if not idempotency_key:
        check_new(into, reference, manifest)
    else:  # the name may be taken by an earlier request with the key
        editing.check(into, WORKFLOWS, manifest)
    if body.dry_run:
        return json_response(without_managed_fields(into.create(WORKFLOWS, manifest, dry_run=True)))
    content = body.model_dump(mode="json")
    return create_response(request, into, WORKFLOWS, manifest, idempotency_key, content)


@router.get("/actions", responses=returns("TemplateList", "A page of actions."))
def list_actions(
    caller: CallerOf,
    namespace: Namespaces = [],  # noqa: B006 - FastAPI copies it
    text: listing.Search = "",
    sort: listing.SortBy = "name",
    limit: listing.Limit = 100,
    page: listing.Page = "",
) -> Response:
    """List actions: ClusterTemplates, and the Templates of namespaces."""
    return _listed(caller, namespace, "action", text, sort, limit, page)


@router.get("/actions/{id}", responses=returns("Template", "The action."))
def read_action(request: Request, target: TargetOf) -> Response:
    """Read an action: a name is a ClusterTemplate's, `NAMESPACE:NAME` a Template's."""
    return object_response(_find(target, "action")[2], request)


@router.post("/actions/{id}/test", responses=returns("Validation", "The findings."))
def try_action(target: TargetOf, body: ActionTest | None = None) -> Response:
    """Check parameters for an action, as a node that uses it is checked. Nothing runs: to run it,
    create a Workflow."""
    kind, cluster, found = _find(target, "action")
    name = found["metadata"]["name"]
    node: dict[str, Any] = {
        "name": "test",
        "action": f"{LOCAL}{name}" if kind is TEMPLATES else name,
    }
    if body is not None and body.with_:
        node["with"] = dict(body.with_)
    manifest = {
        "apiVersion": WORKFLOWS.api_version,
        "kind": WORKFLOWS.kind,
        "metadata": {"name": "test", "namespace": cluster.namespace},
        "spec": {"nodes": [node]},
    }
    result = editing.findings(cluster, WORKFLOWS, manifest)
    return json_response(
        {
            "valid": not result.problems,
            "errors": [
                {"path": _within(one.path), "message": one.message} for one in result.problems
            ],
            "warnings": [
                {"path": _within(one.path), "message": one.message} for one in result.warnings
            ],
            "unchecked": list(result.unchecked),
        }
    )


def _within(path: str) -> str:
    """The path in the request of a problem in its node."""
    return path.removeprefix("spec.nodes[0].")


def _listed(
    caller: Caller,
    namespaces: list[str],
    field: str,
    text: str,
    sort: str,
    limit: int,
    page: str,
) -> Response:
    """ClusterTemplates and Templates with this field; a kind that the caller may not list is left
    out. Raises UsageError if they may list neither."""
    items: list[Raw] = []
    refused: list[str] = []
    refusals: list[Exception] = []
    for kind in KINDS:
        try:
            found, left_out = listing.read(caller, kind, namespaces, {})
        except (ForbiddenError, ProblemError) as error:
            if isinstance(error, ProblemError) and error.status != 403:
                raise
            refusals.append(error)
            refused += namespaces if kind.namespaced else []
            continue
        refused += left_out
        named = {"apiVersion": kind.api_version, "kind": kind.kind}
        items += [named | raw for raw in found]
    if len(refusals) == len(KINDS):
        raise refusals[-1]
    chosen = [
        raw for raw in items if field in raw["spec"] and (not text or listing.contains(raw, text))
    ]
    return json_response(listing.page_of(chosen, refused, SORTS, sort, limit, page))


def _find(target: Target, field: str) -> tuple[Resource, Cluster, Raw]:
    """The Template or ClusterTemplate, and its kind. Raises NotFoundError if it has no such
    field."""
    kind = TEMPLATES if ":" in target.identifier else CLUSTER_TEMPLATES
    try:
        cluster, found = target.find(kind)
    except NotFoundError:
        if kind is TEMPLATES or "-" not in target.identifier:
            raise
        uid = target.caller.cluster(target.namespace).find_uid(TEMPLATES, target.identifier)
        if uid is None:
            raise
        kind, found = TEMPLATES, uid
        cluster = target.caller.cluster(found["metadata"]["namespace"])
    if field not in found["spec"]:
        name = found["metadata"]["name"]
        what = "an action, not a whole workflow" if field == "workflow" else "no action"
        raise NotFoundError(f"{kind.kind} {name} is {what}")
    named = {"apiVersion": kind.api_version, "kind": kind.kind}
    return kind, cluster.within(target.namespace) if not kind.namespaced else cluster, named | found
