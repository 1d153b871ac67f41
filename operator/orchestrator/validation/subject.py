"""The input of the rules for workflows: the spec, its Templates, and its graph."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from orchestrator.models.exactly_one import NODE
from orchestrator.models.template import TemplateSpec
from orchestrator.models.workflow import Node, Outcome, Variable, WorkflowSpec
from orchestrator.validation.problem import Problem

KINDS = NODE.fields
"""The kinds of nodes; a node has exactly one of these keys."""


@dataclass(frozen=True)
class Subject:
    """A workflow to validate. Sets of nodes are bit masks: bit i is spec.nodes[i]."""

    spec: WorkflowSpec
    templates: Mapping[str, TemplateSpec]
    workflows: Mapping[str, WorkflowSpec] = field(default_factory=dict)
    """Known sub-workflows, by name."""
    assumed: Collection[str] = ()
    """Actions that are assumed to exist, with unknown parameters and outputs."""

    @cached_property
    def index(self) -> dict[str, int]:
        """The index of each node; the first for duplicate names."""
        return {node.name: i for i, node in reversed(list(enumerate(self.spec.nodes)))}

    @cached_property
    def variables(self) -> dict[str, Variable]:
        """Variables by name."""
        return {variable.name: variable for variable in self.spec.variables}

    @cached_property
    def edges(self) -> list[tuple[int, int, int]]:
        """(edge, source, target) as indexes, of edges between existing nodes."""
        return [
            (i, self.index[edge.from_], self.index[edge.to])
            for i, edge in enumerate(self.spec.edges)
            if edge.from_ in self.index and edge.to in self.index and edge.from_ != edge.to
        ]

    @cached_property
    def everything(self) -> int:
        """All nodes."""
        return (1 << len(self.spec.nodes)) - 1

    @cached_property
    def final(self) -> int:
        """The nodes of `finally`."""
        mask = 0
        for name in self.spec.finally_:
            mask |= 1 << self.index[name] if name in self.index else 0
        return mask

    @cached_property
    def order(self) -> list[int]:
        """Nodes in topological order, without those in or behind a cycle."""
        remaining = [0] * len(self.spec.nodes)
        for _, _, target in self.edges:
            remaining[target] += 1
        order = [i for i, count in enumerate(remaining) if count == 0]
        for source in order:
            for target in self.targets[source]:
                remaining[target] -= 1
                if remaining[target] == 0:
                    order.append(target)
        return order

    @cached_property
    def targets(self) -> list[list[int]]:
        """The targets of each node's edges."""
        targets: list[list[int]] = [[] for _ in self.spec.nodes]
        for _, source, target in self.edges:
            targets[source].append(target)
        return targets

    @cached_property
    def upstream(self) -> list[int]:
        """For each node, the nodes that have ended when it starts; all nodes if it is in or behind
        a cycle."""
        ordered = set(self.order)
        before = [0 if i in ordered else self.everything for i in range(len(self.spec.nodes))]
        for source in self.order:
            for target in self.targets[source]:
                before[target] |= before[source] | 1 << source
        return before

    def outcome(self, edge: int) -> Outcome:
        """The outcome of an edge, or its default."""
        spec = self.spec.edges[edge]
        if spec.outcome is not None:
            return spec.outcome
        source = self.node(spec.from_)
        condition = source is not None and source.condition is not None
        return Outcome.THEN if condition else Outcome.SUCCEEDED

    def node(self, name: str) -> Node | None:
        """The node of this name, or None."""
        return self.spec.nodes[self.index[name]] if name in self.index else None

    def nodes(self) -> Iterator[tuple[str, Node]]:
        """Each node with its path."""
        for i, node in enumerate(self.spec.nodes):
            yield f"spec.nodes[{i}]", node


Rule = Callable[[Subject], Iterator[Problem]]


def kinds_of(node: Node) -> list[str]:
    """The kinds whose keys a node has."""
    return [kind for kind in KINDS if getattr(node, kind) is not None]
