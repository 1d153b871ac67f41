"""Observes sub-executions: of a node, or of a fan-out's items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.controller.concurrent_requests import gather_results
from orchestrator.controller.executions.observe.child_lookup import (
    is_ours,
    own_child,
    pass_over,
    read_child,
    recall,
)
from orchestrator.controller.executions.reconcile_context import ReconcileContext
from orchestrator.controller.executions.state.child_names import AttemptKey
from orchestrator.controller.executions.state.creations import CACHE_LAG
from orchestrator.controller.executions.state.execution_state import ExecutionState
from orchestrator.engine.children.items import begun
from orchestrator.engine.children.sub_execution import child_attempt
from orchestrator.engine.graph import GraphNode
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.ranges import parse_ranges
from orchestrator.engine.status.records import Record
from orchestrator.engine.times import from_rfc3339
from orchestrator.jobs.absent import child_deleted, child_names_taken
from orchestrator.kube.cache import Raw


async def observe_child(
    context: ReconcileContext, state: ExecutionState, node: GraphNode, record: Record
) -> Attempt | None:
    """The attempt for the sub-execution of the node's last attempt; None if it does not exist
    yet."""
    which = AttemptKey(node.name, record.attempts)
    if record.execution:
        recall(state, which, record.execution)
    while True:
        name = state.name_of(*which)
        raw = context.executions.get(state.run.namespace, name)
        if raw is None:  # not created, not observed yet, ended, or deleted
            if state.creations.is_recent(name, context.clock()):
                state.wakeups.recheck(context.clock() + CACHE_LAG)
            # Live even if nothing says that it was created: the write that would record this
            # may have been refused, and no watch reports again what has ended since.
            raw = await read_child(context, state, which)
            if raw is None:
                known = record.execution or name in state.creations
                return child_deleted(name) if known else None
        if is_ours(state, raw):
            return child_attempt(raw)
        if not pass_over(context, state, which):
            return child_names_taken(name)


async def observe_children(
    context: ReconcileContext, state: ExecutionState, node: GraphNode, record: Record
) -> Attempt | None:
    """The sub-executions of a fan-out that have started and are not recorded as ended."""
    each, items = node.spec.for_each, record.items
    assert each is not None
    if items is None:
        return None
    done, failed = parse_ranges(record.completed), parse_ranges(record.failed)
    known: dict[int, Attempt | None] = {}
    unseen: list[int] = []
    for index in range(begun(items, len(done) + len(failed), each.parallelism)):
        if index in done or index in failed:
            continue
        known[index] = _known_item(context, state, _item(node, record, index))
        if known[index] is None:
            unseen.append(index)
    read = await gather_results(
        _read_item(context, state, _item(node, record, index)) for index in unseen
    )
    known.update(zip(unseen, read, strict=True))
    children = {index: child for index, child in known.items() if child is not None}
    ends = (AttemptState.PENDING, AttemptState.RUNNING)
    ended = [index for index, child in children.items() if child.state not in ends]
    outputs: dict[str, list[Any]] = {}
    if each.gather and len(done) + len(failed) + len(ended) >= items:
        found = await gather_results(
            _outputs(context, state, _item(node, record, index)) for index in range(items)
        )
        outputs = {name: [of_item.get(name) for of_item in found] for name in each.gather}
    return Attempt(AttemptState.RUNNING, children=children, outputs=outputs)


def _item(node: GraphNode, record: Record, index: int) -> AttemptKey:
    return AttemptKey(node.name, record.attempts, index)


def _known_item(
    context: ReconcileContext, state: ExecutionState, which: AttemptKey
) -> Attempt | None:
    """The attempt for an item's sub-execution, without a request; None if unknown."""
    if (refusal := state.creations.refusal(which)) is not None:
        return refusal
    if (hold_up := state.hold_up(which, context.clock())) is not None:
        return replace(hold_up.attempt, started_at=hold_up.since)
    raw = context.executions.get(state.run.namespace, state.name_of(*which))
    return None if raw is None or not is_ours(state, raw) else _item_attempt(context, state, raw)


async def _read_item(
    context: ReconcileContext, state: ExecutionState, which: AttemptKey
) -> Attempt | None:
    """What a read says of an item of which the cache has nothing, or an execution of others."""
    while True:
        name = state.name_of(*which)
        raw = context.executions.get(state.run.namespace, name)
        if raw is None:
            raw = await read_child(context, state, which)
        if raw is None:
            return child_deleted(name) if name in state.creations else None
        if is_ours(state, raw):
            return _item_attempt(context, state, raw)
        if not pass_over(context, state, which):
            return child_names_taken(name)


def _item_attempt(context: ReconcileContext, state: ExecutionState, raw: Raw) -> Attempt:
    metadata = raw["metadata"]
    state.creations.found(metadata["name"], context.clock())
    return replace(child_attempt(raw), started_at=from_rfc3339(metadata["creationTimestamp"]))


async def _outputs(
    context: ReconcileContext, state: ExecutionState, which: AttemptKey
) -> Mapping[str, Any]:
    """The outputs of an item's sub-execution; empty if it was deleted."""
    raw = await own_child(context, state, which)
    return ((raw or {}).get("status") or {}).get("outputs") or {}
