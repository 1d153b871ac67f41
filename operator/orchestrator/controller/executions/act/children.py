"""Sub-executions: created and watched as an attempt's Job is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.commands.start import start_child
from orchestrator.controller.executions.act.childnames import (
    Which,
    is_ours,
    own_child,
    pass_over,
    read_child,
    recall,
)
from orchestrator.controller.executions.act.holdups import HoldUp, held_up
from orchestrator.controller.executions.shell import Shell
from orchestrator.controller.executions.tracked import CACHE_LAG, Tracked
from orchestrator.engine.children import MAX_DEPTH, child_attempt, child_depth
from orchestrator.engine.decisions import CreateChild
from orchestrator.engine.graph import GraphNode
from orchestrator.engine.manychildren import begun
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.ranges import parse_ranges
from orchestrator.engine.records import Record
from orchestrator.engine.times import from_rfc3339
from orchestrator.jobs.waiting import quota_message
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.execution import DesiredState
from orchestrator.models.reasons import Reason

REFUSALS = (400, 403, 404, 422)
"""Answers to a creation that say no, rather than not now."""


async def create_child(shell: Shell, tracked: Tracked, decision: CreateChild) -> Attempt | None:
    """Create a sub-execution; where it is refused, the attempt: failed, or Pending for a quota."""
    if child_depth(tracked.run) > MAX_DEPTH:
        message = f"sub-workflows are nested more than {MAX_DEPTH} deep"
        return refused(Reason.DEPTH_EXCEEDED, message, permanent=True)
    which = Which(decision.node, decision.attempt, decision.index)
    while True:
        manifest = _manifest(tracked, decision)
        asked = shell.clock()
        try:
            await shell.client.create(EXECUTIONS, tracked.run.namespace, manifest, urgent=True)
        except ApiError as error:
            taken = error.status == 409 and error.reason == "AlreadyExists"
            if not taken and error.status not in REFUSALS:
                raise
            # A webhook or quota refuses before the name is checked: an earlier creation, whose
            # answer was lost, may have made it.
            other = await read_child(shell, tracked, which)
            if other is not None and not is_ours(tracked, other):
                if pass_over(shell, tracked, which):
                    continue
                return _taken(tracked, which)
            if other is None and not taken:
                if quota := quota_message(error.message, tracked.run.namespace):
                    return held_up(Reason.QUOTA_EXCEEDED, quota)
                permanent = error.status in (400, 422)
                return refused(Reason.SUB_WORKFLOW_REFUSED, error.message, permanent=permanent)
        tracked.created[manifest["metadata"]["name"]] = asked
        return None


async def observe_child(
    shell: Shell, tracked: Tracked, node: GraphNode, record: Record
) -> Attempt | None:
    """What the sub-execution of the node's last attempt came to; None when it is not there yet."""
    which = Which(node.name, record.attempts)
    if record.execution:
        recall(tracked, which, record.execution)
    while True:
        name = tracked.name_of(*which)
        raw = shell.executions.get(tracked.run.namespace, name)
        if raw is None:  # not created, not seen yet, ended, or deleted
            if tracked.has_just_made(name, shell.clock()):
                tracked.recheck(shell.clock() + CACHE_LAG)
            # Live even where nothing says that it was created: the write that would have said so
            # may have been refused, and no watch reports again what has ended since.
            raw = await read_child(shell, tracked, which)
            if raw is None:
                known = record.execution or name in tracked.created
                return _deleted(name) if known else None
        if is_ours(tracked, raw):
            return child_attempt(raw)
        if not pass_over(shell, tracked, which):
            return _taken(tracked, which)


async def observe_children(
    shell: Shell, tracked: Tracked, node: GraphNode, record: Record
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
        child = await _observe_item(shell, tracked, node, record, index)
        if child is not None:
            children[index] = child
    ends = (AttemptState.PENDING, AttemptState.RUNNING)
    ended = [index for index, child in children.items() if child.state not in ends]
    outputs: dict[str, list[Any]] = {}
    if each.gather and len(done) + len(failed) + len(ended) >= items:
        outputs = {name: [None] * items for name in each.gather}
        for index in range(items):
            raw = await own_child(shell, tracked, Which(node.name, record.attempts, index))
            found = ((raw or {}).get("status") or {}).get("outputs") or {}
            for output in each.gather:
                outputs[output][index] = found.get(output)
    return Attempt(AttemptState.RUNNING, children=children, outputs=outputs)


async def _observe_item(
    shell: Shell, tracked: Tracked, node: GraphNode, record: Record, index: int
) -> Attempt | None:
    refusal = tracked.refused_items.get((node.name, record.attempts, index))
    if refusal is not None:
        return refusal
    which = Which(node.name, record.attempts, index)
    if (hold_up := holds(shell, tracked, which)) is not None:
        return replace(hold_up.attempt, started_at=hold_up.since)
    while True:
        name = tracked.name_of(*which)
        raw = shell.executions.get(tracked.run.namespace, name)
        if raw is None:
            raw = await read_child(shell, tracked, which)
        if raw is None:
            return _deleted(name) if name in tracked.created else None
        if is_ours(tracked, raw):
            break
        if not pass_over(shell, tracked, which):
            return _taken(tracked, which)
    tracked.created.setdefault(name, shell.clock())
    created_at = from_rfc3339(raw["metadata"]["creationTimestamp"])
    return replace(child_attempt(raw), started_at=created_at)


def holds(shell: Shell, tracked: Tracked, which: Which) -> HoldUp | None:
    """What keeps the attempt from being created; None once that is due again, so that the engine
    asks for it. Under a pause nothing is due: nothing is created, and `startTimeout` goes on."""
    hold_up = tracked.hold_ups.get(which)
    if hold_up is not None and shell.clock() < hold_up.retry_at:
        tracked.recheck(hold_up.retry_at)
        return hold_up
    return hold_up if tracked.run.desired_state is DesiredState.PAUSED else None


def _taken(tracked: Tracked, which: Which) -> Attempt:
    message = f"an execution named {tracked.name_of(*which)} exists that is not this one's"
    return refused(Reason.NAME_TAKEN, message, permanent=True)


def _deleted(name: str) -> Attempt:
    message = f"sub-execution {name} was deleted by others before it ended"
    return refused(Reason.SUB_WORKFLOW_DELETED, message, permanent=True)


def refused(reason: str, message: str, *, permanent: bool) -> Attempt:
    """The attempt of which nothing was made."""
    return Attempt(AttemptState.FAILED, reason, message, permanent=permanent)


def _manifest(tracked: Tracked, decision: CreateChild) -> dict[str, Any]:
    node, attempt, index = decision.node, decision.attempt, decision.index
    reference = tracked.graph.nodes[node].spec.workflow
    assert reference is not None
    name = tracked.name_of(node, attempt, index)
    return start_child(tracked.run, node, reference.name, decision.variables, name)
