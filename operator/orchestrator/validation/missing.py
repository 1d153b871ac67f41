"""Actions and sub-workflows that do not exist: the path of the reference, and similar names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.models.nearest import did_you_mean

LOCAL = "local/"


@dataclass(frozen=True, slots=True)
class Known:
    """Names of existing objects, which messages suggest."""

    actions: Collection[str] = ()
    """As nodes name them: `x` for a ClusterTemplate, `local/x` for a Template of the namespace."""
    workflows: Collection[str] = ()
    """Workflows of the namespace."""


def unknown_action(action: str, known: Collection[str]) -> str:
    """The message for an action without a Template, with a suggestion."""
    local = action.startswith(LOCAL)
    name = action.removeprefix(LOCAL)
    other = name if local else LOCAL + name
    kind = "Template" if local else "ClusterTemplate"
    if other in known:
        where = "ClusterTemplate" if local else "Template of this namespace"
        return f"there is no {kind} {name!r}, but there is a {where}: write {other!r}"
    near = did_you_mean(action, known)
    hint = "" if near or local else f"; the namespace's own Template is {other!r}"
    return f"there is no {kind} {name!r}{near or hint}"


def unknown_workflow(name: str, known: Collection[str]) -> str:
    """The message for a Workflow that does not exist, with a suggestion."""
    return f"there is no Workflow {name!r} in this namespace{did_you_mean(name, known)}"


def _nodes(raw_spec: Mapping[str, Any]) -> list[tuple[int, Any]]:
    nodes = raw_spec.get("nodes")
    return list(enumerate(nodes)) if isinstance(nodes, list) else []


def path_of_action(raw_spec: Mapping[str, Any], action: str) -> str:
    """The path of the first node that runs the action; tolerates any shape."""
    for index, node in _nodes(raw_spec):
        if isinstance(node, Mapping) and node.get("action") == action:
            return f"spec.nodes[{index}].action"
    return "spec.nodes"


def path_of_workflow(raw_spec: Mapping[str, Any], name: str) -> str:
    """The path of the first node that runs the sub-workflow; tolerates any shape."""
    for index, node in _nodes(raw_spec):
        child = node.get("workflow") if isinstance(node, Mapping) else None
        if isinstance(child, Mapping) and child.get("name") == name:
            return f"spec.nodes[{index}].workflow.name"
    return "spec.nodes"
