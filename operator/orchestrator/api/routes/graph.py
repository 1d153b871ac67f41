"""The nodes and edges of a Workflow, for editors of graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query, Request
from starlette.responses import Response

from orchestrator.api.identifiers import Target, TargetOf
from orchestrator.api.openapi import returns
from orchestrator.api.problems import ProblemError
from orchestrator.api.request_bodies import Layout, NodeEdge
from orchestrator.api.responses import etag_of, json_response
from orchestrator.api.updates import update_object
from orchestrator.kube.resources import WORKFLOWS
from orchestrator.models.nearest import did_you_mean
from orchestrator.operations.edit_workflow import (
    add_edge,
    add_node,
    merge_node,
    remove_edge,
    remove_node,
    replace_node,
    set_layout,
)
from orchestrator.session.cluster import Raw
from orchestrator.validation.problem import Problem

router = APIRouter(tags=["nodes and edges"])
NodeName = Annotated[str, Path(max_length=63, description="The name of the node.")]
NodeBody = Annotated[dict[str, Any], Body(description="A node, as in `spec.nodes` of a Workflow.")]


@router.get("/workflows/{id}/nodes", responses=returns("Items", "The nodes."))
def list_nodes(target: TargetOf) -> Response:
    """List the nodes of a Workflow."""
    _, found = target.find(WORKFLOWS)
    return json_response({"items": found["spec"]["nodes"]}, headers={"ETag": etag_of(found)})


@router.post(
    "/workflows/{id}/nodes", status_code=201, responses=returns("GraphNode", "The node.", 201)
)
def add_node_to_workflow(request: Request, target: TargetOf, body: NodeBody) -> Response:
    """Add a node. The Workflow must be valid with it."""
    name = _named(body)
    stored = _changed(request, target, lambda spec: add_node(spec, body))
    return _node(stored, name, 201)


@router.get("/workflows/{id}/nodes/{node}", responses=returns("GraphNode", "The node."))
def read_node(target: TargetOf, node: NodeName) -> Response:
    """Read a node."""
    return _node(target.find(WORKFLOWS)[1], node)


@router.put("/workflows/{id}/nodes/{node}", responses=returns("GraphNode", "The node."))
def replace_node_of_workflow(
    request: Request, target: TargetOf, node: NodeName, body: NodeBody
) -> Response:
    """Replace a node; its edges stay."""
    _node(target.find(WORKFLOWS)[1], node)
    stored = _changed(request, target, lambda spec: replace_node(spec, node, body))
    return _node(stored, node)


@router.patch("/workflows/{id}/nodes/{node}", responses=returns("GraphNode", "The node."))
def patch_node(request: Request, target: TargetOf, node: NodeName, body: NodeBody) -> Response:
    """Change a node by a JSON merge patch."""
    _node(target.find(WORKFLOWS)[1], node)
    stored = _changed(request, target, lambda spec: merge_node(spec, node, body))
    return _node(stored, node)


@router.delete(
    "/workflows/{id}/nodes/{node}", responses=returns("RemovedNode", "What was removed.")
)
def remove_node_from_workflow(request: Request, target: TargetOf, node: NodeName) -> Response:
    """Remove a node with its edges, which the answer lists."""
    _node(target.find(WORKFLOWS)[1], node)
    gone: list[Raw] = []

    def change(spec: Mapping[str, Any]) -> Raw:
        left, edges = remove_node(spec, node)
        gone[:] = edges
        return left

    stored = _changed(request, target, change)
    answer = {"node": node, "edges": gone}
    return json_response(answer, headers={"ETag": etag_of(stored)})


@router.get("/workflows/{id}/edges", responses=returns("Items", "The edges."))
def list_edges(target: TargetOf) -> Response:
    """List the edges of a Workflow."""
    _, found = target.find(WORKFLOWS)
    edges = found["spec"].get("edges") or []
    return json_response({"items": edges}, headers={"ETag": etag_of(found)})


@router.post(
    "/workflows/{id}/edges", status_code=201, responses=returns("GraphEdge", "The edge.", 201)
)
def add_edge_to_workflow(request: Request, target: TargetOf, body: NodeEdge) -> Response:
    """Add an edge between two nodes."""
    edge = body.model_dump(mode="json", by_alias=True, exclude_none=True)
    stored = _changed(request, target, lambda spec: add_edge(spec, edge))
    return json_response(edge, 201, {"ETag": etag_of(stored)})


@router.delete("/workflows/{id}/edges", status_code=204)
def remove_edge_from_workflow(
    request: Request,
    target: TargetOf,
    start: Annotated[str, Query(alias="from", max_length=63, description="Its source.")],
    end: Annotated[str, Query(alias="to", max_length=63, description="Its target.")],
    outcome: Annotated[
        Literal["", "Succeeded", "Failed", "Always", "Then", "Else"],
        Query(description="Of several edges between the two, the one with this outcome."),
    ] = "",
) -> Response:
    """Remove an edge."""
    stored = _changed(request, target, lambda spec: remove_edge(spec, start, end, outcome))
    return Response(status_code=204, headers={"ETag": etag_of(stored)})


@router.put("/workflows/{id}/layout", responses=returns("LayoutOfNodes", "The positions."))
def set_layout_of_workflow(request: Request, target: TargetOf, body: Layout) -> Response:
    """Set the positions of nodes in an editor; no execution depends on them."""
    layout = {name: list(at) for name, at in body.layout.items()}
    stored = _changed(request, target, lambda spec: set_layout(spec, layout))
    return json_response({"layout": stored["spec"]["layout"]}, headers={"ETag": etag_of(stored)})


def _changed(request: Request, target: Target, change: Callable[[Mapping[str, Any]], Raw]) -> Raw:
    cluster, found = target.find(WORKFLOWS)

    def changed(raw: Raw) -> Raw:
        return {**raw, "spec": change(raw["spec"])}

    return update_object(request, cluster, WORKFLOWS, found, changed)


def _named(body: Mapping[str, Any]) -> str:
    name = body.get("name")
    if not isinstance(name, str):
        raise ProblemError(422, "name: is required", [Problem("name", "is required")])
    return name


def _node(workflow: Raw, name: str, status: int = 200) -> Response:
    nodes = {node["name"]: node for node in workflow["spec"]["nodes"]}
    if name not in nodes:
        called = workflow["metadata"]["name"]
        raise ProblemError(404, f"{called} has no node {name}{did_you_mean(name, nodes)}")
    return json_response(nodes[name], status, {"ETag": etag_of(workflow)})
