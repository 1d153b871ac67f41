"""Changes of a Workflow's manifest: its state, nodes, edges and layout. Each returns a new spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.models.nearest import did_you_mean
from orchestrator.operations.errors import conflict, invalid
from orchestrator.operations.writes import Manifest

Spec = Mapping[str, Any]


def set_state(spec: Spec, state: str) -> Manifest:
    """The spec in this state."""
    return {**spec, "state": state}


def add_node(spec: Spec, node: Manifest) -> Manifest:
    """The spec with another node, which no edge leads to yet. Raises CommandError."""
    name = str(node.get("name", ""))
    if name in _names(spec):
        raise conflict("name", f"there is a node {name!r} already")
    return {**spec, "nodes": [*_nodes(spec), node]}


def replace_node(spec: Spec, name: str, node: Manifest) -> Manifest:
    """The spec with this node in place of the one of that name, which it keeps.

    Raises CommandError.
    """
    _check_known(spec, name)
    if node.get("name", name) != name:
        message = f"the node is called {name!r}; a new name would leave its edges behind"
        raise invalid("name", message)
    changed = {**node, "name": name}
    return {**spec, "nodes": [changed if one["name"] == name else one for one in _nodes(spec)]}


def merge_node(spec: Spec, name: str, patch: Manifest) -> Manifest:
    """The spec with a JSON merge patch (RFC 7386) of a node. Raises CommandError."""
    _check_known(spec, name)
    node = next(one for one in _nodes(spec) if one["name"] == name)
    return replace_node(spec, name, merged(node, patch))


def remove_node(spec: Spec, name: str) -> tuple[Manifest, list[Manifest]]:
    """The spec without a node, and the edges that go with it. Raises CommandError.

    Its place in `finally` and in the layout goes as well.
    """
    _check_known(spec, name)
    gone = [edge for edge in _edges(spec) if name in (edge["from"], edge["to"])]
    left = {**spec, "nodes": [one for one in _nodes(spec) if one["name"] != name]}
    if gone:
        left["edges"] = [edge for edge in _edges(spec) if edge not in gone]
    if name in (spec.get("finally") or ()):
        left["finally"] = [one for one in spec["finally"] if one != name]
    if name in (spec.get("layout") or {}):
        left["layout"] = {node: at for node, at in spec["layout"].items() if node != name}
    return left, gone


def add_edge(spec: Spec, edge: Manifest) -> Manifest:
    """The spec with another edge. Raises CommandError."""
    for end in ("from", "to"):
        _check_known(spec, edge[end], end)
    if any(_ends(one) == _ends(edge) for one in _edges(spec)):
        raise conflict("from", f"there is an edge {_called(edge)} already")
    return {**spec, "edges": [*_edges(spec), edge]}


def remove_edge(spec: Spec, start: str, end: str, outcome: str = "") -> Manifest:
    """The spec without the edge between two nodes; `outcome` chooses one of several.

    Raises CommandError.
    """
    found = [
        edge
        for edge in _edges(spec)
        if (edge["from"], edge["to"]) == (start, end)
        and outcome in ("", edge.get("outcome") or "Succeeded")
    ]
    if not found:
        for where, name in (("from", start), ("to", end)):
            _check_known(spec, name, where)
        raise invalid("from", f"there is no edge from {start} to {end}")
    if len(found) > 1:
        outcomes = ", ".join(str(edge.get("outcome") or "Succeeded") for edge in found)
        raise invalid("outcome", f"{len(found)} edges lead from {start} to {end}: name {outcomes}")
    return {**spec, "edges": [edge for edge in _edges(spec) if edge is not found[0]]}


def set_layout(spec: Spec, layout: Mapping[str, Sequence[float]]) -> Manifest:
    """The spec with the positions of nodes. Raises CommandError for one that is not there."""
    for name in layout:
        _check_known(spec, name, f"layout.{name}")
    return {**spec, "layout": {name: list(at) for name, at in layout.items()}}


def merged(old: Mapping[str, Any], patch: Mapping[str, Any]) -> Manifest:
    """A JSON merge patch (RFC 7386)."""
    result = dict(old)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            before = result.get(key)
            result[key] = merged(before if isinstance(before, dict) else {}, value)
        else:
            result[key] = value
    return result


def _nodes(spec: Spec) -> list[Manifest]:
    return list(spec.get("nodes") or ())


def _edges(spec: Spec) -> list[Manifest]:
    return list(spec.get("edges") or ())


def _names(spec: Spec) -> list[str]:
    return [node["name"] for node in _nodes(spec)]


def _check_known(spec: Spec, name: str, path: str = "node") -> None:
    names = _names(spec)
    if name not in names:
        raise invalid(path, f"there is no node {name!r}{did_you_mean(name, names)}")


def _ends(edge: Mapping[str, Any]) -> tuple[str, str, str]:
    return edge["from"], edge["to"], edge.get("outcome") or "Succeeded"


def _called(edge: Mapping[str, Any]) -> str:
    return f"from {edge['from']} to {edge['to']} with the outcome {_ends(edge)[2]}"
