"""Edges lead between existing nodes, are unique, form no cycle and have possible outcomes."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.models import messages
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.workflow import Outcome
from orchestrator.validation.problem import Problem, join
from orchestrator.validation.subject import Subject

_MAX_SHOWN = 20


def known_nodes(subject: Subject) -> Iterator[Problem]:
    """Edges and `finally` refer to existing nodes."""
    for i, edge in enumerate(subject.spec.edges):
        for field, name in (("from", edge.from_), ("to", edge.to)):
            if name not in subject.index:
                yield Problem(f"spec.edges[{i}].{field}", unknown_node(name, subject))
    for i, name in enumerate(subject.spec.finally_):
        if name not in subject.index:
            yield Problem(f"spec.finally[{i}]", unknown_node(name, subject))


def unknown_node(name: str, subject: Subject) -> str:
    """The message for a node that does not exist, with a suggestion."""
    nodes = [node.name for node in subject.spec.nodes]
    near = did_you_mean(name, nodes) if len(nodes) > messages.MAX_LISTED else ""
    return messages.unknown_node(name, nodes) + near


def edges_once(subject: Subject) -> Iterator[Problem]:
    """An edge is listed once per outcome."""
    first: dict[tuple[str, str, Outcome], int] = {}
    for i, edge in enumerate(subject.spec.edges):
        key = (edge.from_, edge.to, subject.outcome(i))
        if key in first:
            message = f"the same edge as spec.edges[{first[key]}]; delete one of them"
            yield Problem(f"spec.edges[{i}]", message)
        first.setdefault(key, i)


def no_self_edges(subject: Subject) -> Iterator[Problem]:
    """No node depends on itself."""
    for i, edge in enumerate(subject.spec.edges):
        if edge.from_ == edge.to:
            yield Problem(f"spec.edges[{i}]", messages.own_edge().of(edge.from_))


def no_cycles(subject: Subject) -> Iterator[Problem]:
    """The edges form no cycle; the message shows one."""
    cycle = _cycle(subject)
    if not cycle:
        return
    names = [subject.spec.nodes[i].name for i in cycle]
    shown = names if len(names) <= _MAX_SHOWN else [*names[: _MAX_SHOWN - 1], "…"]
    closing = next(i for i, s, t in subject.edges if (s, t) == (cycle[-1], cycle[0]))
    yield Problem(
        f"spec.edges[{closing}]",
        f"the nodes form a cycle: {' → '.join([*shown, names[0]])}; to run nodes again use repeat",
    )


def _cycle(subject: Subject) -> list[int]:
    """The nodes of a cycle in the direction of its edges; empty if there is none."""
    unordered = set(range(len(subject.spec.nodes))) - set(subject.order)
    if not unordered:
        return []
    source = {target: s for _, s, target in subject.edges if s in unordered and target in unordered}
    visited: dict[int, int] = {}
    node = next(i for i in sorted(unordered) if i in source)
    while node not in visited:
        visited[node] = len(visited)
        node = source[node]
    cycle = list(visited)[visited[node] :][::-1]
    start = cycle.index(min(cycle))
    return cycle[start:] + cycle[:start]


def outcomes(subject: Subject) -> Iterator[Problem]:
    """Then and Else are for conditions, Succeeded is for all other nodes."""
    for i, edge in enumerate(subject.spec.edges):
        source = subject.node(edge.from_)
        if source is None or edge.outcome is None:
            continue
        path = f"spec.edges[{i}].outcome"
        if source.condition is None and edge.outcome in (Outcome.THEN, Outcome.ELSE):
            yield Problem(
                path,
                f"{edge.outcome.value} is for conditions, but {edge.from_!r} is not one; write"
                " Succeeded, Failed or Always",
            )
        elif source.condition is not None and edge.outcome is Outcome.SUCCEEDED:
            yield Problem(
                path,
                f"{edge.from_!r} is a condition, which succeeds either way; write Then (true)"
                " or Else (false)",
            )


def final_nodes(subject: Subject) -> Iterator[Problem]:
    """Nodes of `finally` are listed once and have no edges."""
    seen = set()
    for i, name in enumerate(subject.spec.finally_):
        if name in seen:
            yield Problem(f"spec.finally[{i}]", f"{name!r} is named twice")
        seen.add(name)
    for i, edge in enumerate(subject.spec.edges):
        for field, name in (("from", edge.from_), ("to", edge.to)):
            if name in seen:
                path = join("spec.edges", i, field)
                yield Problem(path, f"{name!r} is in finally, and nodes of finally have no edges")
