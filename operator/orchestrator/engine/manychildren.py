"""A fan-out over a sub-workflow: one sub-execution an item, so many at once.

Items begin in their order, so how many have begun follows from how many have ended: nothing of it
needs to be stored beside the ranges of those that ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from orchestrator.engine.causes import HOLD_UPS, given_up, is_held_up
from orchestrator.engine.control import ended_by
from orchestrator.engine.decisions import ControlChild, CreateChild
from orchestrator.engine.graph import DEFAULT_PARALLELISM, GraphNode
from orchestrator.engine.handling import scope
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.ranges import format_ranges, parse_ranges
from orchestrator.engine.records import Record
from orchestrator.engine.work import Work
from orchestrator.expressions import ExpressionError, render
from orchestrator.models.base import parse_duration
from orchestrator.models.execution import DesiredState, NodePhase
from orchestrator.models.reasons import Reason

MAX_CHILDREN = 500
"""Sub-executions of one fan-out."""


def begun(items: int, ended: int, parallelism: int | None) -> int:
    """How many items have begun once so many have ended."""
    return min(items, ended + (parallelism or DEFAULT_PARALLELISM))


def progress_children(
    work: Work,
    node: GraphNode,
    record: Record,
    items_of: Callable[[], list[Any] | None],
    attempt: Attempt | None,
) -> None:
    """Count the items that ended, begin further ones, and end the node with the last.

    `items_of` is asked only where some are to begin; None from it has failed the node.
    """
    each = node.spec.for_each
    assert each is not None
    children = attempt.children if attempt is not None else {}
    seen = _in_time(work, node, record, children or _on_record(work, node, record))
    done, failed = parse_ranges(record.completed), parse_ranges(record.failed)
    words = record.message
    for index, child in seen.items():
        if child.state is AttemptState.SUCCEEDED:
            done.add(index)
        elif child.state in (AttemptState.FAILED, AttemptState.TIMED_OUT):
            failed.add(index)
            words = words if "item " in words else f"item {index}: {child.message}"
    known = [index for index in seen if index not in done | failed]
    running = [index for index in known if not is_held_up(seen[index])]
    over = len(failed) > (each.max_failed or 0)
    late = _late(work, record, each.timeout)
    cause = work.cause(node)
    stopping = over or late or (cause is not None and cause.stops_running)
    message = words if failed else f"{len(done)} of {record.items} items"
    counted = replace(
        record,
        phase=NodePhase.RUNNING,
        reason=Reason.SUB_WORKFLOW_CREATED,
        message=message,
        completed=format_ranges(done),
        failed=format_ranges(failed),
    )
    held = next((child for child in seen.values() if child.reason in HOLD_UPS), None)
    if record.phase is NodePhase.PENDING and not (done or running):  # none has begun yet
        counted = replace(counted, phase=NodePhase.PENDING)
        why = held or (record if record.reason in HOLD_UPS else None)
        if why is not None:
            counted = replace(counted, reason=why.reason, message=why.message)
    elif held is not None and not failed:
        counted = replace(counted, message=f"{message}; the next one waits: {held.message}")
    total = record.items or 0
    if len(done) + len(failed) >= total or ((stopping or cause is not None) and not running):
        _end(work, node, counted, over=over, late=late, outputs=attempt.outputs if attempt else {})
        return
    work.observe(node, counted)
    if stopping:
        force = work.run.desired_state is DesiredState.TERMINATED
        state = DesiredState.TERMINATED if force else DesiredState.CANCELLED
        _control(work, node, record, running, state)
        return
    _watch_the_clock(work, node, record, seen, running)
    if work.paused or cause is not None:
        return
    taken, ended = done | failed | {*known}, len(done) + len(failed)
    if begun(total, ended, each.parallelism) > len(taken) and (items := items_of()) is not None:
        _begin(work, node, counted, items, taken, ended)


def _on_record(work: Work, node: GraphNode, record: Record) -> Mapping[int, Attempt]:
    """The first items as held up, where only the record says that they are: after a restart under
    a pause, where nothing asks for them again."""
    each = node.spec.for_each
    assert each is not None
    waits = record.phase is NodePhase.PENDING and record.reason in HOLD_UPS
    if not work.paused or not waits or record.completed or record.failed:
        return {}
    held = Attempt(AttemptState.PENDING, record.reason, record.message)
    return dict.fromkeys(range(begun(record.items or 0, 0, each.parallelism)), held)


def _in_time(
    work: Work, node: GraphNode, record: Record, seen: Mapping[int, Attempt]
) -> Mapping[int, Attempt]:
    """The sub-executions, with the end of those that were held up for all of `startTimeout`.

    Of each item it counts from the first refusal that the process saw; while none of the fan-out
    has begun, from the node's start, which is on record.
    """
    judged = dict(seen)
    for index, child in seen.items():
        if not is_held_up(child):
            continue
        since = work.now if child.started_at is None else child.started_at
        if record.phase is NodePhase.PENDING and record.reason in HOLD_UPS and not record.failed:
            since = min(since, record.attempt_start)
        due = since + node.start_timeout
        if work.now >= due:
            judged[index] = given_up(child, node.start_timeout)
        else:
            work.wake(due)
    return judged


def _begin(
    work: Work, node: GraphNode, record: Record, items: list[Any], known: set[int], ended: int
) -> None:
    each = node.spec.for_each
    assert each is not None
    assert node.spec.workflow is not None
    seen: dict[str, Any] = {}
    for index in range(begun(len(items), ended, each.parallelism)):
        if index in known:
            continue
        try:
            seen = seen or scope(work, node)
            own = {each.as_: items[index], "index": index}
            variables = render(node.spec.workflow.variables or {}, {**seen, **own})
        except ExpressionError as error:
            message = f"{node.path}.workflow.variables: item {index}: {error}"
            work.end(node, NodePhase.FAILED, error.reason, message, evidence=False)
            return
        work.create(node, CreateChild(node.name, record.attempts, variables, index))


def _end(
    work: Work,
    node: GraphNode,
    record: Record,
    *,
    over: bool,
    late: bool,
    outputs: Mapping[str, Any],
) -> None:
    cause, each = work.cause(node), node.spec.for_each
    assert each is not None
    ended = replace(record, finished_at=work.now, reason="", message="")
    total, failed = record.items or 0, len(parse_ranges(record.failed))
    complete = len(parse_ranges(record.completed)) + failed >= total
    stopped = cause is not None and cause.stops_running
    if over and not stopped:
        words = f"{failed} of {total} items failed, {each.max_failed or 0} may"
        held_up = record.reason in HOLD_UPS  # none of it could begin
        reason = record.reason if held_up else Reason.ITEMS_FAILED
        message = record.message
        if not held_up:
            message = f"{words}; {message}" if message else words
        ended = replace(ended, phase=NodePhase.FAILED, reason=reason, message=message)
    elif complete and not over:
        ended = replace(ended, phase=NodePhase.SUCCEEDED, outputs=outputs)
    elif cause is not None:
        ended = replace(ended, phase=ended_by(cause), reason=cause.reason, message=cause.message)
    elif late:
        message = "the fan-out's time was over before all items had ended"
        ended = replace(ended, phase=NodePhase.TIMED_OUT, reason=Reason.TIMED_OUT, message=message)
    work.set(node, ended, evidence=False)


def _watch_the_clock(
    work: Work, node: GraphNode, record: Record, seen: Mapping[int, Attempt], running: list[int]
) -> None:
    for index in running:
        started_at = seen[index].started_at
        if started_at is None:
            continue
        if work.now >= started_at + node.timeout:
            _control(work, node, record, [index], DesiredState.CANCELLED)
        else:
            work.wake(started_at + node.timeout)


def _control(
    work: Work, node: GraphNode, record: Record, indexes: list[int], state: DesiredState
) -> None:
    for index in indexes:
        work.after.append(ControlChild(node.name, record.attempts, state, index))


def _late(work: Work, record: Record, timeout: str | None) -> bool:
    if timeout is None:
        return False
    due = record.attempt_start + parse_duration(timeout)
    if work.now < due:
        work.wake(due)
        return False
    return True
