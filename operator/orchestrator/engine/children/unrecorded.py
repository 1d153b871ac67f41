"""Sub-executions that exist without a record, or that run though their record says otherwise."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.engine.decisions import Pass
from orchestrator.engine.graph import DEFAULT_PARALLELISM, GraphNode, NodeKind
from orchestrator.engine.ranges import parse_ranges
from orchestrator.engine.status.records import Record
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import Reason


def may_be_unrecorded(node: GraphNode, record: Record | None, decided: Pass) -> bool:
    """Whether sub-executions of the node may run that its record does not wait for.

    A cancellation or the end of a wait ended the node, or kept it from starting, while one was
    created; or one was refused to this process. Another process that has not resigned yet may
    create what this one decided not to.
    """
    if node.kind is not NodeKind.WORKFLOW or record is None:
        return False
    if record.phase is NodePhase.SKIPPED:
        return decided.cancelling is not None
    unsuccessful = record.phase.terminal and record.phase is not NodePhase.SUCCEEDED
    if unsuccessful and not record.execution:  # of a fan-out, no record names any
        return True
    refused = record.reason == Reason.SUB_WORKFLOW_REFUSED
    return refused or record.attempts > 1 or bool(record.failed)


def ended_items(node: GraphNode, record: Record) -> Iterable[tuple[int, int | None]]:
    """The attempts and items that cannot have a running sub-execution, as the record has them."""
    if node.spec.for_each is None:
        last = record.attempts if record.phase.terminal else record.attempts - 1
        return ((attempt, None) for attempt in range(1, last + 1))
    if record.phase.terminal:
        return ((record.attempts, index) for index in range(record.items or 0))
    return ((record.attempts, index) for index in parse_ranges(record.failed))


def first_items(node: GraphNode) -> Iterable[int | None]:
    """The initial items of a fan-out; a plain sub-workflow node counts as a single item."""
    each = node.spec.for_each
    return (None,) if each is None else range(each.parallelism or DEFAULT_PARALLELISM)
