"""Propagates a pause and its end to the sub-executions of the nodes in flight.

The set of sub-executions follows from the records alone, so that one that no watch has reported yet
is resumed as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchestrator.engine.children.items import begun
from orchestrator.engine.decisions import ControlChild
from orchestrator.engine.graph import GraphNode, NodeKind
from orchestrator.engine.ranges import parse_ranges
from orchestrator.engine.status.records import Record
from orchestrator.engine.work import Work
from orchestrator.models.execution import DesiredState, ExecutionPhase


def ends_pause(work: Work) -> bool:
    """Whether an earlier pass was paused and this one is not: all nodes that it withheld are due
    now."""
    return work.run.phase is ExecutionPhase.PAUSED and not work.paused


def hand_down_pause(work: Work, names: Iterable[str]) -> None:
    """Pause the sub-executions of these nodes, once the pause is stored.

    If the pause is already stored, no further write is needed.
    """
    children = [_control(child, DesiredState.PAUSED) for child in _children(work, names)]
    if work.run.phase is ExecutionPhase.PAUSED:
        work.before.extend(children)
    else:
        work.after.extend(children)


def hand_down_resume(work: Work) -> None:
    """Resume every sub-execution that may continue.

    This precedes the write that records the end of the pause: a crash in between repeats it,
    because only a pass that finds the execution Paused resumes them.
    """
    names = [name for name in work.run.active if not _stopped(work, work.graph.nodes[name])]
    for child in _children(work, names):
        work.before.append(_control(child, DesiredState.RUNNING))


Child = tuple[str, int, int | None]
"""A node, its attempt, and the item in a fan-out."""


def _children(work: Work, names: Iterable[str]) -> Iterator[Child]:
    controlled = {
        (step.node, step.attempt, step.index)
        for step in work.after
        if isinstance(step, ControlChild)
    }
    for name in names:
        node, record = work.graph.nodes[name], work.run.records[name]
        if node.kind is NodeKind.WORKFLOW and record.retry_at is None and not _over(work, name):
            for index in _items(node, record):
                if (child := (name, record.attempts, index)) not in controlled:
                    yield child


def _items(node: GraphNode, record: Record) -> Iterable[int | None]:
    if node.spec.for_each is None:
        return (None,)
    ended = parse_ranges(record.completed) | parse_ranges(record.failed)
    count = begun(record.items or 0, len(ended), node.spec.for_each.parallelism)
    return [index for index in range(count) if index not in ended]


def _over(work: Work, name: str) -> bool:
    now = work.changes.get(name)
    return now is not None and (now.phase.terminal or now.retry_at is not None)


def _stopped(work: Work, node: GraphNode) -> bool:
    cause = work.cause(node)
    return cause is not None and cause.stops_running


def _control(child: Child, state: DesiredState) -> ControlChild:
    node, attempt, index = child
    return ControlChild(node, attempt, state, index)
