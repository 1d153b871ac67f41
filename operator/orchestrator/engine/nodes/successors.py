"""Starts and skips what follows from a pass, in one order, whatever the pass considers.

A pass after a restart considers every node, any other only what its changes lead to. Both must
decide alike: with `onFailure: Stop` the order decides what still starts. So the nodes that end in
the pass itself go first, in the order of the manifest, and each failure is reacted to before the
next node is considered.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from orchestrator.engine.graph import GraphNode
from orchestrator.engine.lifecycle.cancellation import apply_on_failure
from orchestrator.engine.nodes.start import start_or_skip
from orchestrator.engine.work import Work


def process_successors(work: Work, *, scan: bool, paused: bool) -> None:
    """Consider what the nodes that ended in this pass lead to; with `scan` every node.

    Whatever was made for a node that no record names is considered in any case.

    What ended outside has been reacted to: the same evidence seen again after a crash must not
    start what it stopped before. `paused`: the pass began as paused. Once a failure has ended the
    pause, nothing else comes back to the nodes that it withheld, so all of them are considered.
    """
    queue, seen = _Queue(), 0
    everything = work.graph.nodes.values()
    if scan or work.paused is not paused:
        queue.add(everything)
    nodes = work.graph.nodes
    made = [name for name, _ in work.observed if name in nodes and work.record(name) is None]
    queue.add(nodes[name] for name in made)
    work.decided_before = _decided_before(work, made)
    queue.add(nodes[name] for name in work.decided_before)
    while True:
        for name in work.ended[seen:]:
            queue.add(work.graph.nodes[edge.target] for edge in work.graph.nodes[name].outgoing)
        seen = len(work.ended)
        if not queue:
            return
        withholds = work.paused
        start_or_skip(work, queue.pop())
        for name in work.ended[seen:]:
            apply_on_failure(work, work.graph.nodes[name])
        if work.paused is not withholds:
            queue.add(everything)


def _decided_before(work: Work, made: Iterable[str]) -> set[str]:
    """The instant nodes without a record that came before what was made: its existence shows that
    an earlier pass, whose status was never written, had decided them."""
    found: set[str] = set()
    left = list(made)
    while left:
        for edge in work.graph.nodes[left.pop()].incoming:
            source = work.graph.nodes[edge.source]
            if (
                source.kind.instant
                and source.name not in found
                and work.record(source.name) is None
            ):
                found.add(source.name)
                left.append(source.name)
    return found


class _Queue:
    """Nodes to consider, each once until its turn comes."""

    def __init__(self) -> None:
        self._heap: list[tuple[bool, int]] = []
        self._nodes: dict[int, GraphNode] = {}

    def __bool__(self) -> bool:
        return bool(self._heap)

    def add(self, nodes: Iterable[GraphNode]) -> None:
        for node in nodes:
            if node.place not in self._nodes:
                self._nodes[node.place] = node
                heappush(self._heap, (not node.kind.instant, node.place))

    def pop(self) -> GraphNode:
        return self._nodes.pop(heappop(self._heap)[1])
