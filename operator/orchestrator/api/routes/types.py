"""What workflows are made of, with JSON Schemas for forms."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from orchestrator.api.dependencies import CallerOf, KnownUser
from orchestrator.api.identifiers import Namespace
from orchestrator.api.openapi import returns
from orchestrator.api.responses import json_response
from orchestrator.api.schemas import action_type, node_types, trigger_types
from orchestrator.kube.resources import CLUSTER_TEMPLATES, TEMPLATES
from orchestrator.session.errors import ForbiddenError
from orchestrator.validation.missing import LOCAL

router = APIRouter(tags=["types"])
TYPES = returns("Types", "The types.")


@cache
def _node_types() -> list[dict[str, Any]]:
    return node_types()


@cache
def _trigger_types() -> list[dict[str, Any]]:
    return trigger_types()


@router.get("/node-types", responses=TYPES)
def list_node_types(_: KnownUser) -> Response:
    """List the kinds of nodes, each with the JSON Schema of its fields."""
    return json_response({"items": _node_types()})


@router.get("/trigger-types", responses=TYPES)
def list_trigger_types(_: KnownUser) -> Response:
    """List the types of Triggers, each with the JSON Schemas of its settings and events."""
    return json_response({"items": _trigger_types()})


@router.get("/action-types", responses=TYPES)
def list_action_types(caller: CallerOf, namespace: Namespace = "default") -> Response:
    """List the actions that a Workflow of a namespace can use, each with the JSON Schemas of its
    parameters and outputs; `type` is what a node's `action` names."""
    cluster = caller.cluster(namespace)
    items: list[dict[str, Any]] = []
    refusals: list[ForbiddenError] = []
    for kind, prefix in ((CLUSTER_TEMPLATES, ""), (TEMPLATES, LOCAL)):
        try:
            found = cluster.list(kind)["items"]
        except ForbiddenError as error:
            refusals.append(error)
            continue
        items += [
            action_type(f"{prefix}{raw['metadata']['name']}", raw["spec"])
            for raw in found
            if "action" in raw["spec"]
        ]
    if len(refusals) == 2:
        raise refusals[-1]
    return json_response({"items": sorted(items, key=lambda one: one["type"])})
