"""Builders of minimal valid objects, with fields that a test overrides."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from orchestrator.engine.graph import Graph, compile_graph
from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import WorkflowSpec

IMAGE = "example.com/runner:1"


def action(name: str, **fields: Any) -> dict[str, Any]:
    """A node that runs the action `task`."""
    return {"name": name, "action": "task", **fields}


def edge(source: str, target: str, outcome: str | None = None, **fields: Any) -> dict[str, Any]:
    """An edge, of an outcome where one is named."""
    named = {"outcome": outcome} if outcome else {}
    return {"from": source, "to": target, **named, **fields}


def chain(*names: str) -> list[dict[str, Any]]:
    """Edges from each name to the next."""
    return [edge(source, target) for source, target in pairwise(names)]


def workflow(
    *nodes: dict[str, Any], edges: list[dict[str, Any]] | None = None, **fields: Any
) -> WorkflowSpec:
    """A workflow's spec."""
    return WorkflowSpec.model_validate({"nodes": list(nodes), "edges": edges or [], **fields})


def template(**fields: Any) -> TemplateSpec:
    """An action's Template with one parameter of each common type and two outputs."""
    return TemplateSpec.model_validate(
        {
            "parameters": [
                {"name": "text", "type": "string"},
                {"name": "count", "type": "integer"},
                {"name": "password", "type": "secret"},
            ],
            "outputs": [
                {"name": "value", "type": "integer"},
                {"name": "items", "type": "list"},
            ],
            "action": {"args": ["action", "task"]},
            **fields,
        }
    )


def graph(
    *nodes: dict[str, Any], edges: list[dict[str, Any]] | None = None, **fields: Any
) -> Graph:
    """A compiled workflow whose actions are all `task`."""
    return compile_graph(workflow(*nodes, edges=edges, **fields), {"task": template()}, IMAGE)
