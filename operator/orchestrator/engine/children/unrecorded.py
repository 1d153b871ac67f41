"""Sub-executions that exist without a record: which nodes may have them."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.engine.decisions import Pass
from orchestrator.engine.graph import DEFAULT_PARALLELISM, GraphNode, NodeKind
from orchestrator.engine.status.records import Record
from orchestrator.models.execution import NodePhase


def may_be_unrecorded(node: GraphNode, record: Record | None, decided: Pass) -> bool:
    """Whether a cancellation ended the node, or kept it from starting, and its record names no
    sub-execution."""
    if node.kind is not NodeKind.WORKFLOW or record is None:
        return False
    skipped = record.phase is NodePhase.SKIPPED and decided.cancelling is not None
    cancelled = record.phase is NodePhase.CANCELLED
    return (cancelled or skipped) and not record.execution and record.items is None


def first_items(node: GraphNode) -> Iterable[int | None]:
    """The initial items of a fan-out; a plain sub-workflow node counts as a single item."""
    each = node.spec.for_each
    return (None,) if each is None else range(each.parallelism or DEFAULT_PARALLELISM)
