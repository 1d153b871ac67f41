"""Starts and skips the successors of ended nodes in a fixed order, whatever the pass reconciles.

A pass after a restart checks every node, any other only those affected by its changes. Both must
make the same decisions: with `onFailure: Stop`, the order decides what still starts. So nodes that
end in the pass itself go first, in the order of the manifest, and `onFailure` is applied to each
failure before the next node is checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from orchestrator.engine.graph import GraphNode
from orchestrator.engine.lifecycle.cancellation import apply_on_failure
from orchestrator.engine.nodes.start import start_or_skip
from orchestrator.engine.work import Work


def process_successors(work: Work, *, scan: bool, paused: bool) -> None:
    """Start or skip the successors of nodes that ended in this pass; with `scan`, check every node.

    Nodes with a Job that no record names are always checked.

    `onFailure` was already applied to attempts that ended: the same evidence observed again after a
    crash must not start what it stopped before. `paused`: the pass began as paused. Once a failure
    has ended the pause, no event concerns the nodes that it withheld, so all of them are checked.
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
    """The instant nodes without a record before an existing Job: its existence shows that an
    earlier pass, whose status was never written, had decided them."""
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
    """Nodes to check, each queued once at a time."""

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
