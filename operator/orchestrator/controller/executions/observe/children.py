"""Observes sub-executions: those of a node, and those of a fan-out's items."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.controller.executions.observe.own_children import (
    is_ours,
    own_child,
    pass_over,
    read_child,
    recall,
)
from orchestrator.controller.executions.shell import Shell
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


async def observe_child(
    shell: Shell, state: ExecutionState, node: GraphNode, record: Record
) -> Attempt | None:
    """What the sub-execution of the node's last attempt came to; None when it is not there yet."""
    which = AttemptKey(node.name, record.attempts)
    if record.execution:
        recall(state, which, record.execution)
    while True:
        name = state.name_of(*which)
        raw = shell.executions.get(state.run.namespace, name)
        if raw is None:  # not created, not seen yet, ended, or deleted
            if state.creations.is_recent(name, shell.clock()):
                state.wakeups.recheck(shell.clock() + CACHE_LAG)
            # Live even where nothing says that it was created: the write that would have said so
            # may have been refused, and no watch reports again what has ended since.
            raw = await read_child(shell, state, which)
            if raw is None:
                known = record.execution or name in state.creations
                return child_deleted(name) if known else None
        if is_ours(state, raw):
            return child_attempt(raw)
        if not pass_over(shell, state, which):
            return child_names_taken(name)


async def observe_children(
    shell: Shell, state: ExecutionState, node: GraphNode, record: Record
) -> Attempt | None:
    """The sub-executions of a fan-out that have begun and are not recorded as ended."""
    each, items = node.spec.for_each, record.items
    assert each is not None
    if items is None:
        return None
    done, failed = parse_ranges(record.completed), parse_ranges(record.failed)
    children: dict[int, Attempt] = {}
    for index in range(begun(items, len(done) + len(failed), each.parallelism)):
        if index in done or index in failed:
            continue
        child = await _observe_item(shell, state, node, record, index)
        if child is not None:
            children[index] = child
    ends = (AttemptState.PENDING, AttemptState.RUNNING)
    ended = [index for index, child in children.items() if child.state not in ends]
    outputs: dict[str, list[Any]] = {}
    if each.gather and len(done) + len(failed) + len(ended) >= items:
        outputs = {name: [None] * items for name in each.gather}
        for index in range(items):
            raw = await own_child(shell, state, AttemptKey(node.name, record.attempts, index))
            found = ((raw or {}).get("status") or {}).get("outputs") or {}
            for output in each.gather:
                outputs[output][index] = found.get(output)
    return Attempt(AttemptState.RUNNING, children=children, outputs=outputs)


async def _observe_item(
    shell: Shell, state: ExecutionState, node: GraphNode, record: Record, index: int
) -> Attempt | None:
    which = AttemptKey(node.name, record.attempts, index)
    if (refusal := state.creations.refusal(which)) is not None:
        return refusal
    if (hold_up := state.hold_up(which, shell.clock())) is not None:
        return replace(hold_up.attempt, started_at=hold_up.since)
    while True:
        name = state.name_of(*which)
        raw = shell.executions.get(state.run.namespace, name)
        if raw is None:
            raw = await read_child(shell, state, which)
        if raw is None:
            return child_deleted(name) if name in state.creations else None
        if is_ours(state, raw):
            break
        if not pass_over(shell, state, which):
            return child_names_taken(name)
    state.creations.found(name, shell.clock())
    created_at = from_rfc3339(raw["metadata"]["creationTimestamp"])
    return replace(child_attempt(raw), started_at=created_at)
