"""What belongs to a Workflow: metrics, revisions, its graph, export and import."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from starlette.responses import Response

from orchestrator.api.creation import MANAGER
from orchestrator.api.dependencies import CallerOf
from orchestrator.api.history_responses import from_history, left_out
from orchestrator.api.identifiers import Namespace, TargetOf
from orchestrator.api.openapi import returns, text_of
from orchestrator.api.problems import ProblemError
from orchestrator.api.responses import json_response
from orchestrator.api.routes.execution_streams import GRAPH, MEDIA_TYPES, Form
from orchestrator.api.workflow_figures import metrics_with_history
from orchestrator.api.workflow_revisions import revisions_of
from orchestrator.formats.yaml_dumper import to_yaml
from orchestrator.kube.projection import without_managed_fields
from orchestrator.kube.resources import WORKFLOWS
from orchestrator.models.base import GROUP
from orchestrator.models.workflow import WorkflowMetrics
from orchestrator.operations.records import is_from_history
from orchestrator.session.checking import check_document
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.errors import ManifestError
from orchestrator.session.long_work import long_work
from orchestrator.session.manifests import Document, read_document
from orchestrator.session.pictures import FORMATS, picture_of_workflow
from orchestrator.session.references import References
from orchestrator.validation.problem import Problem, join

router = APIRouter(tags=["workflows"])
YAML = "application/yaml"
MAX_IMPORTED = 100
"""Maximum number of Workflows of an import."""
_LEFT_OUT = ("kubectl.kubernetes.io/", f"{GROUP}/")
"""Annotations that say how an object was written."""


@router.get("/workflows/{id}/metrics", responses=returns("Metrics", "The metrics."))
def read_metrics_of_workflow(target: TargetOf) -> Response:
    """Read the metrics of a Workflow: executions by phase, success rate, durations. With a history,
    of all executions that it or the cluster has; otherwise of those that the operator has counted
    since the Workflow was created."""
    cluster, found = target.find(WORKFLOWS)
    name = found["metadata"]["name"]
    known, reason = metrics_with_history(target.caller, cluster.namespace, name)
    metrics = (known or WorkflowMetrics()).model_dump(mode="json", by_alias=True)
    if known is None:
        metrics |= (found.get("status") or {}).get("metrics") or {}
    kept = {key: metrics[key] for key in metrics if not key.startswith("counted")}
    return json_response({"workflow": name, **kept, **left_out(reason)})


@router.get("/workflows/{id}/revisions", responses=returns("Revisions", "The revisions."))
def list_revisions(target: TargetOf) -> Response:
    """List the revisions that the executions of a Workflow run, the newest first.

    With a history, of all executions that it or the cluster has, also of a Workflow that was
    deleted, which is named by its name."""
    revisions = revisions_of(target)
    return json_response({"items": revisions.newest_first(), **left_out(revisions.unavailable)})


@router.get("/workflows/{id}/revisions/{revision}", responses=returns("Revision", "The revision."))
def read_revision(
    target: TargetOf, revision: Annotated[str, Path(max_length=253, description="Its name.")]
) -> Response:
    """Read what a revision runs: the Workflow and its actions, as they were frozen. Takes the right
    to get ControllerRevisions."""
    raw = revisions_of(target).read(revision)
    answer = {
        "name": revision,
        "created": raw["metadata"]["creationTimestamp"],
        "data": raw["data"],
    }
    return json_response(from_history(answer) if is_from_history(raw) else answer)


@router.get("/workflows/{id}/graph", responses=GRAPH)
def draw_workflow(target: TargetOf, form: Form = "svg") -> Response:
    """Draw the graph of a Workflow."""
    cluster, found = target.find(WORKFLOWS)
    with long_work(cluster, found["spec"]):
        drawn = FORMATS[form](picture_of_workflow(found))
    return Response(drawn, media_type=MEDIA_TYPES[form])


@router.get("/workflows/{id}/export", responses=text_of(YAML, description="The manifest."))
def export_workflow(target: TargetOf) -> Response:
    """Export a Workflow as YAML that can be applied elsewhere: without namespace, status and what
    the API server adds. The same Workflow gives the same text."""
    _, found = target.find(WORKFLOWS)
    metadata: dict[str, Any] = {"name": found["metadata"]["name"]}
    for field in ("labels", "annotations"):
        kept = {
            key: text
            for key, text in sorted((found["metadata"].get(field) or {}).items())
            if not key.startswith(_LEFT_OUT)
        }
        if kept:
            metadata[field] = kept
    manifest = {
        "apiVersion": WORKFLOWS.api_version,
        "kind": WORKFLOWS.kind,
        "metadata": metadata,
        "spec": found["spec"],
    }
    return Response(to_yaml(manifest), media_type=YAML)


@router.post("/workflows/import", responses=returns("Items", "What was stored."))
def import_workflows(
    caller: CallerOf,
    body: Annotated[Any, Body(description="A manifest of a Workflow, or a list of them.")],
    namespace: Namespace = "default",
    force: Annotated[
        bool, Query(description="Take over fields that another manager, such as GitOps, owns.")
    ] = False,
    dry_run: Annotated[
        bool, Query(alias="dryRun", description="Check everything, and store nothing.")
    ] = False,
) -> Response:
    """Apply Workflows (server-side), all of them checked before the first is stored. A field that
    another manager owns is a conflict, unless forced."""
    documents = _documents(body, namespace)
    cluster = caller.cluster(namespace)
    cluster.who()
    references = References(documents, cluster)
    with long_work(cluster, [document.raw.get("spec") for document in documents]):
        problems = [
            Problem(f"{document.where}{one.path}", one.message)
            for document in documents
            for one in check_document(document, references).problems
        ]
    if problems:
        raise ManifestError(problems)
    query = {"fieldManager": MANAGER, "force": "true" if force else "false"}
    if dry_run:
        query["dryRun"] = "All"
    stored = [_applied(cluster.within(one.namespace), one, query) for one in documents]
    return json_response({"items": [without_managed_fields(one) for one in stored]})


def _documents(body: Any, namespace: str) -> list[Document]:
    """The manifests of a body. Raises ProblemError."""
    listed = isinstance(body, list)
    raws = body if listed else [body]
    if not 0 < len(raws) <= MAX_IMPORTED:
        raise ProblemError(422, f"an import has 1 to {MAX_IMPORTED} Workflows, not {len(raws)}")
    found: list[Document] = []
    problems: list[Problem] = []
    for index, raw in enumerate(raws):
        where = join("", index) if listed else ""
        document = read_document(f"{where}." if listed else "", raw)
        if not isinstance(document, Document):
            problems.append(Problem(where or "body", document or "is empty"))
        elif document.resource is not WORKFLOWS:
            message = f"is a {document.resource.kind}; only Workflows are imported"
            problems.append(Problem(f"{document.where}kind", message))
        else:
            metadata = {"namespace": namespace, **document.raw["metadata"]}
            found.append(
                Document(document.where, {**document.raw, "metadata": metadata}, WORKFLOWS)
            )
    if problems:
        raise ManifestError(problems)
    return found


def _applied(cluster: Cluster, document: Document, query: dict[str, str]) -> Raw:
    metadata = document.raw["metadata"]
    kept = ("name", "namespace", "labels", "annotations")
    manifest = {
        **document.raw,
        "metadata": {key: metadata[key] for key in kept if metadata.get(key)},
    }
    manifest.pop("status", None)
    return cluster.apply(WORKFLOWS, manifest, query)
