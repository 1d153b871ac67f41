"""What a pass may not have seen of sub-executions: that a pause is over, and that some exist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.engine.decisions import Pass
from orchestrator.engine.graph import DEFAULT_PARALLELISM, GraphNode, NodeKind
from orchestrator.engine.status.records import Record
from orchestrator.models.execution import DesiredState, NodePhase


def pause_is_over(parent: Mapping[str, Any] | None) -> bool:
    """Whether the parent is no longer paused: the pass that hands its pause down began before."""
    if parent is None:
        return False
    ending = (parent.get("status") or {}).get("cancelRequested")
    return bool(ending) or parent["spec"].get("desiredState") != DesiredState.PAUSED


def may_be_unrecorded(node: GraphNode, record: Record | None, decided: Pass) -> bool:
    """Whether a cancellation ended the node, or kept it from starting, and no record says of any
    sub-execution."""
    if node.kind is not NodeKind.WORKFLOW or record is None:
        return False
    skipped = record.phase is NodePhase.SKIPPED and decided.cancelling is not None
    cancelled = record.phase is NodePhase.CANCELLED
    return (cancelled or skipped) and not record.execution and record.items is None


def first_items(node: GraphNode) -> Iterable[int | None]:
    """The items with which a fan-out begins; what is none has itself."""
    each = node.spec.for_each
    return (None,) if each is None else range(each.parallelism or DEFAULT_PARALLELISM)
