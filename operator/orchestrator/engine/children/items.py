"""Classifies a fan-out over a sub-workflow by the ends of its items and the clock.

Items start in order, so the number that have started follows from the number that have ended: only
the ranges of ended items need to be stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from orchestrator.engine.graph import DEFAULT_PARALLELISM
from orchestrator.engine.nodes.assessment import Facts
from orchestrator.engine.nodes.not_started import HOLD_UPS, given_up, is_held_up
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.ranges import format_ranges, parse_ranges
from orchestrator.engine.status.records import Record
from orchestrator.models.base import parse_duration
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import ForEach


class FanOutState(StrEnum):
    """The state of a fan-out over a sub-workflow."""

    IN_PROGRESS = "InProgress"
    """Further items begin as others end."""
    WITHHELD = "Withheld"
    """Running items continue and no further one starts: because of a pause, or because the
    execution is ending."""
    STOPPING = "Stopping"
    """Running items are cancelled: the fan-out ends when they have ended."""
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    CANCELLED = "Cancelled"


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a fan-out, from the record and from observation."""

    observed: Mapping[int, Attempt]
    succeeded: frozenset[int]
    failed: frozenset[int]
    active: tuple[int, ...]
    """Observed items that have not ended."""
    running: tuple[int, ...]
    """Those whose sub-execution exists."""
    message: str
    """That of the first item that failed, otherwise that of the record."""
    due: float | None
    """When the first held-up item times out."""

    @property
    def ended(self) -> int:
        """The number of items that have ended."""
        return len(self.succeeded) + len(self.failed)

    @property
    def held_up(self) -> Attempt | None:
        """The first item that cannot start at the moment."""
        return next((one for one in self.observed.values() if one.reason in HOLD_UPS), None)


@dataclass(frozen=True, slots=True)
class FanOutAssessment:
    """The state of a fan-out and its next record, without outputs."""

    state: FanOutState
    record: Record
    items: Items
    due: float | None
    """When the state changes by the clock alone."""


def classify_fan_out(facts: Facts) -> FanOutAssessment:
    """The state of a fan-out over a sub-workflow that has not ended."""
    each, cause, now = _for_each(facts), facts.cause, facts.now
    items = _items(facts)
    record = _counted(facts.record, items)
    late_at = facts.record.attempt_start + parse_duration(each.timeout) if each.timeout else None
    late = late_at is not None and now >= late_at
    due = _first(items.due, None if late else late_at)
    too_many_failed = len(items.failed) > (each.max_failed or 0)
    stopped = cause is not None and cause.stops_running
    complete = items.ended >= (record.items or 0)
    if not complete and items.running:
        if too_many_failed or late or stopped:
            return FanOutAssessment(FanOutState.STOPPING, record, items, due)
        withheld = facts.paused or cause is not None
        state = FanOutState.WITHHELD if withheld else FanOutState.IN_PROGRESS
        return FanOutAssessment(state, record, items, due)
    # Nothing runs from here on. A request by people takes precedence over the failures.
    if too_many_failed and not stopped:
        failed = _failed(record, items, each)
        return FanOutAssessment(FanOutState.FAILED, failed, items, due)
    if complete and not too_many_failed:
        succeeded = replace(record, reason="", message="")
        return FanOutAssessment(FanOutState.SUCCEEDED, succeeded, items, due)
    if cause is not None:
        cancelled = replace(record, reason=cause.reason, message=cause.message)
        return FanOutAssessment(FanOutState.CANCELLED, cancelled, items, due)
    if late:
        message = "the fan-out timed out before all items had ended"
        timed_out = replace(record, reason=Reason.TIMED_OUT, message=message)
        return FanOutAssessment(FanOutState.TIMED_OUT, timed_out, items, due)
    state = FanOutState.WITHHELD if facts.paused else FanOutState.IN_PROGRESS
    return FanOutAssessment(state, record, items, due)


def begun(items: int, ended: int, parallelism: int | None) -> int:
    """The number of items that have started once so many have ended."""
    return min(items, ended + (parallelism or DEFAULT_PARALLELISM))


def _items(facts: Facts) -> Items:
    record = facts.record
    children = facts.attempt.children if facts.attempt is not None else {}
    observed, due = _in_time(facts, children or _on_record(facts))
    succeeded, failed = parse_ranges(record.completed), parse_ranges(record.failed)
    message = record.message
    for index, child in observed.items():
        if child.state is AttemptState.SUCCEEDED:
            succeeded.add(index)
        elif child.state in (AttemptState.FAILED, AttemptState.TIMED_OUT):
            failed.add(index)
            message = message if "item " in message else f"item {index}: {child.message}"
    ended = succeeded | failed
    active = tuple(index for index in observed if index not in ended)
    running = tuple(index for index in active if not is_held_up(observed[index]))
    return Items(observed, frozenset(succeeded), frozenset(failed), active, running, message, due)


def _on_record(facts: Facts) -> Mapping[int, Attempt]:
    """The first items as held up, if only the record says so: after a restart during a pause, when
    their creation is not attempted again."""
    record = facts.record
    waits = record.phase is NodePhase.PENDING and record.reason in HOLD_UPS
    if not facts.paused or not waits or record.completed or record.failed:
        return {}
    held = Attempt(AttemptState.PENDING, record.reason, record.message)
    return dict.fromkeys(range(begun(record.items or 0, 0, _for_each(facts).parallelism)), held)


def _in_time(
    facts: Facts, observed: Mapping[int, Attempt]
) -> tuple[Mapping[int, Attempt], float | None]:
    """The sub-executions, with a timeout for those held up for all of `startTimeout`; and when the
    next one times out.

    For each item, the time counts from the first refusal that this process saw; if no item has
    started, from the node's start, which is recorded.
    """
    record, start_timeout, now = facts.record, facts.node.start_timeout, facts.now
    unbegun = record.phase is NodePhase.PENDING and record.reason in HOLD_UPS and not record.failed
    updated, first = dict(observed), None
    for index, child in observed.items():
        if not is_held_up(child):
            continue
        since = now if child.started_at is None else child.started_at
        due = (min(since, record.attempt_start) if unbegun else since) + start_timeout
        if now >= due:
            updated[index] = given_up(child, start_timeout)
        else:
            first = _first(first, due)
    return updated, first


def _counted(record: Record, items: Items) -> Record:
    """The record of a fan-out that continues."""
    done = f"{len(items.succeeded)} of {record.items} items"
    counted = replace(
        record,
        phase=NodePhase.RUNNING,
        reason=Reason.SUB_WORKFLOW_CREATED,
        message=items.message if items.failed else done,
        completed=format_ranges(items.succeeded),
        failed=format_ranges(items.failed),
    )
    held = items.held_up
    if record.phase is NodePhase.PENDING and not (items.succeeded or items.running):
        # None has started yet.
        counted = replace(counted, phase=NodePhase.PENDING)
        if held is not None:
            return replace(counted, reason=held.reason, message=held.message)
        if record.reason in HOLD_UPS:
            return replace(counted, reason=record.reason, message=record.message)
    elif held is not None and not items.failed:
        return replace(counted, message=f"{done}; the next one waits: {held.message}")
    return counted


def _failed(record: Record, items: Items, each: ForEach) -> Record:
    if record.reason in HOLD_UPS:  # no item could start: that is the cause
        return record
    message = f"{len(items.failed)} of {record.items or 0} items failed, {each.max_failed or 0} may"
    if record.message:
        message = f"{message}; {record.message}"
    return replace(record, reason=Reason.ITEMS_FAILED, message=message)


def _for_each(facts: Facts) -> ForEach:
    each = facts.node.spec.for_each
    assert each is not None
    return each


def _first(*moments: float | None) -> float | None:
    return min((moment for moment in moments if moment is not None), default=None)
