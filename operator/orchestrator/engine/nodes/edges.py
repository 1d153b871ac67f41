"""When an edge is taken, when it blocks, and what that means for its target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from orchestrator.engine.graph import GraphEdge, GraphNode
from orchestrator.engine.status.records import Record
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import Join, Outcome

FAILURES = (NodePhase.FAILED, NodePhase.TIMED_OUT)
_ASKS_FOR_SUCCESS = (Outcome.SUCCEEDED, Outcome.THEN, Outcome.ELSE)


class EdgeState(StrEnum):
    """The state of an edge."""

    UNDECIDED = "Undecided"
    TAKEN = "Taken"
    NOT_TAKEN = "NotTaken"
    BLOCKS = "Blocks"


class JoinResult(StrEnum):
    """The combined state of a node's incoming edges."""

    WAIT = "Wait"
    START = "Start"
    BLOCKED = "Blocked"
    NOT_CHOSEN = "NotChosen"


def matches(outcome: Outcome, record: Record, allow_failure: bool) -> bool:
    """Whether the end of a terminal source matches the edge's outcome, ignoring its `when`."""
    succeeded = record.phase is NodePhase.SUCCEEDED
    failed = record.phase in FAILURES
    match outcome:
        case Outcome.SUCCEEDED:
            return succeeded or (failed and allow_failure)
        case Outcome.FAILED:
            return failed
        case Outcome.ALWAYS:
            return succeeded or failed
        case Outcome.THEN:
            return succeeded and record.outputs.get("result") is True
        case Outcome.ELSE:
            return succeeded and record.outputs.get("result") is False


def blocks(outcome: Outcome, record: Record, allow_failure: bool) -> bool:
    """Whether the edge requires a success that its terminal source can no longer provide."""
    if outcome not in _ASKS_FOR_SUCCESS:
        return False
    if record.phase in FAILURES:
        return not allow_failure
    return record.phase is NodePhase.CANCELLED or record.reason == Reason.BLOCKED


def edge_state(
    edge: GraphEdge, source: GraphNode, record: Record | None, holds: Callable[[GraphEdge], bool]
) -> EdgeState:
    """Decide one edge; `holds` evaluates its `when` and may raise ExpressionError."""
    if record is None or not record.phase.terminal:
        return EdgeState.UNDECIDED
    if blocks(edge.outcome, record, source.allow_failure):
        return EdgeState.BLOCKS
    if matches(edge.outcome, record, source.allow_failure) and holds(edge):
        return EdgeState.TAKEN
    return EdgeState.NOT_TAKEN


def join(
    node: GraphNode,
    nodes: Mapping[str, GraphNode],
    records: Mapping[str, Record],
    holds: Callable[[GraphEdge], bool],
) -> JoinResult:
    """The combined state of the node's incoming edges under its join policy.

    All: every edge decided, at least one taken and none that blocks. Any: every edge decided, at
    least one taken. First: as soon as one is taken.
    """
    if not node.incoming:
        return JoinResult.START
    if node.join is not Join.FIRST and not all(_decided(edge, records) for edge in node.incoming):
        return JoinResult.WAIT
    states = [
        edge_state(edge, nodes[edge.source], records.get(edge.source), holds)
        for edge in node.incoming
    ]
    taken, blocked = EdgeState.TAKEN in states, EdgeState.BLOCKS in states
    if taken and not (blocked and node.join is Join.ALL):
        return JoinResult.START
    if EdgeState.UNDECIDED in states:
        return JoinResult.WAIT
    return JoinResult.BLOCKED if blocked else JoinResult.NOT_CHOSEN


def _decided(edge: GraphEdge, records: Mapping[str, Record]) -> bool:
    record = records.get(edge.source)
    return record is not None and record.phase.terminal
