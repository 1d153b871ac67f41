"""Which nodes of a workflow require people: approvals, and sub-workflows that contain one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.models.workflow import WorkflowSpec

RawSpec = Mapping[str, Any]
"""A Workflow's spec as stored in a revision."""


def asking_people(spec: WorkflowSpec, workflows: Mapping[str, RawSpec]) -> frozenset[str]:
    """The nodes of a workflow that require people, directly or in a sub-workflow at any depth."""
    used_by: dict[str, set[str]] = {}
    for name, child in workflows.items():
        for inner in _children(child):
            used_by.setdefault(inner, set()).add(name)
    asking: set[str] = set()
    waiting = [
        name
        for name, child in workflows.items()
        if any(node.get("approval") is not None for node in child["nodes"])
    ]
    while waiting:
        if (name := waiting.pop()) not in asking:
            asking.add(name)
            waiting += used_by.get(name, ())
    return frozenset(
        node.name
        for node in spec.nodes
        if node.approval is not None or (node.workflow and node.workflow.name in asking)
    )


def _children(spec: RawSpec) -> Iterator[str]:
    for node in spec["nodes"]:
        if node.get("workflow") is not None:
            yield node["workflow"]["name"]
