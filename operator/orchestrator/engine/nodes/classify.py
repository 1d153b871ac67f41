"""Classifies a node that has started: by its record, the observation of its attempt, and the clock.

Pure, so that every state can be tested and explained in isolation; `progress` chooses what follows
from a state. A fan-out over a sub-workflow is classified in `children.items`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from orchestrator.engine.children.sub_execution import late
from orchestrator.engine.graph import GraphNode, NodeKind
from orchestrator.engine.nodes.assessment import Assessment, Facts, NodeState, Stop
from orchestrator.engine.nodes.not_started import (
    HOLD_UPS,
    is_held_up,
    lasting_cause,
    not_started,
    with_cause,
)
from orchestrator.engine.nodes.retry import backoff, may_retry
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.status.records import Cancelling, Record
from orchestrator.engine.times import in_words
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import Reason

LOST_ATTEMPT_TIMEOUT = 30.0
"""Seconds past all deadlines after which an attempt that reports nothing is given up."""


def classify(facts: Facts) -> Assessment:
    """The state of a node that has not ended: that of the first matching rule."""
    return next(found for rule in RULES if (found := rule(facts)) is not None)


def finished_at(record: Record, end: Attempt | None, now: float) -> float:
    """When the attempt ended: the kubelet reports whole seconds, so never before its start."""
    if end is None:
        return now
    return max(end.finished_at or now, record.attempt_start)


def _cancelled_while_waiting(facts: Facts) -> Assessment | None:
    if facts.cause is None or not _waits(facts):
        return None
    return _cancelled(facts, facts.cause)


def _awaiting(facts: Facts) -> Assessment | None:
    if facts.node.kind not in (NodeKind.APPROVAL, NodeKind.WAIT):
        return None
    return Assessment(NodeState.AWAITING, facts.record)


def _delayed(facts: Facts) -> Assessment | None:
    if facts.node.kind is not NodeKind.DELAY:
        return None
    due = (facts.record.started_at or facts.now) + facts.node.delay
    if facts.now < due:
        return Assessment(NodeState.DELAYED, facts.record, due=due)
    return Assessment(NodeState.DELAY_OVER, facts.record)


def _withheld(facts: Facts) -> Assessment | None:
    if not facts.paused or not _waits(facts):
        return None
    return Assessment(NodeState.WITHHELD, facts.record)


def _backing_off(facts: Facts) -> Assessment | None:
    if not _waits(facts):
        return None
    due = facts.record.retry_at or facts.now
    if facts.now < due:
        return Assessment(NodeState.BACKING_OFF, facts.record, due=due)
    return Assessment(NodeState.RETRY_DUE, facts.record, Reason.STARTING)


def _succeeded(facts: Facts) -> Assessment | None:
    end = facts.attempt
    if end is None or end.state is not AttemptState.SUCCEEDED:
        return None
    return Assessment(NodeState.SUCCEEDED, facts.record, end.reason, end.message, end)


def _ended_badly(facts: Facts) -> Assessment | None:
    end = facts.attempt
    if end is None or end.state not in (AttemptState.FAILED, AttemptState.TIMED_OUT):
        return None
    return _bad_end(facts, facts.record, late(facts.node, facts.record, end))


def _cancelled_unmade(facts: Facts) -> Assessment | None:
    if facts.cause is None or not _is_unmade(facts.record, facts.attempt):
        return None
    return _cancelled(facts, facts.cause)


def _stopping(facts: Facts) -> Assessment | None:
    node, cause = facts.node, facts.cause
    if cause is None or not cause.stops_running:
        return None
    stop = Stop.BY_FORCE if facts.terminated else Stop.GENTLY
    if node.kind is NodeKind.WORKFLOW:  # it tracks by itself what does not stop
        return Assessment(NodeState.STOPPING, facts.record, stop=stop)
    force_at = cause.at + 2 * node.grace
    give_up_at = force_at + LOST_ATTEMPT_TIMEOUT
    if facts.now >= give_up_at:
        return replace(_cancelled(facts, cause), stop=Stop.BY_FORCE)
    if facts.now >= force_at:
        stop = Stop.BY_FORCE
    due = give_up_at if stop is Stop.BY_FORCE else force_at
    return Assessment(NodeState.STOPPING, facts.record, stop=stop, due=due)


def _unobserved(facts: Facts) -> Assessment | None:
    if facts.attempt is not None or not (facts.record.job or facts.record.execution):
        return None
    return Assessment(NodeState.UNOBSERVED, facts.record)


def _missing(facts: Facts) -> Assessment | None:
    record = facts.record
    if facts.attempt is not None:
        return None
    held_up, due = record.reason in HOLD_UPS, record.attempt_start + facts.node.start_timeout
    if held_up and facts.now >= due:
        return _never_started(facts, record, facts.node.start_timeout)
    if facts.paused:
        return Assessment(NodeState.WITHHELD, record, due=due if held_up else None)
    # No operator was running to create it: its time begins now. Hold-ups keep their time.
    if facts.now > record.attempt_start + LOST_ATTEMPT_TIMEOUT and not held_up:
        record = replace(record, attempt_started_at=facts.now)
    return Assessment(NodeState.MISSING, record)


def _child_in_progress(facts: Facts) -> Assessment | None:
    attempt = facts.attempt
    if attempt is None or facts.node.kind is not NodeKind.WORKFLOW or is_held_up(attempt):
        return None
    record = _with_progress(facts.node, facts.record, attempt)
    due = record.attempt_start + facts.node.timeout
    if facts.now >= due:
        return Assessment(NodeState.OVERDUE, record, stop=Stop.GENTLY)
    return Assessment(NodeState.IN_PROGRESS, record, due=due)


def _job_in_progress(facts: Facts) -> Assessment | None:
    attempt, node = facts.attempt, facts.node
    assert attempt is not None  # rules above cover everything that was not observed
    record = _with_progress(node, facts.record, attempt)
    pending = record.phase is NodePhase.PENDING
    rounds = 1 if record.items is None else node.rounds(record.items)
    made_at = max(record.attempt_start, attempt.made_at or 0.0)
    due = made_at + 2 * rounds * node.timeout + 2 * node.grace + LOST_ATTEMPT_TIMEOUT
    if pending:
        start_due = record.attempt_start + node.start_timeout
        # A Job that was not seen yet has no deadline of its own.
        due = start_due if attempt.made_at is None else min(due, start_due)
    if facts.now < due:
        return Assessment(NodeState.IN_PROGRESS, record, due=due)
    if pending:
        return _never_started(facts, record, due - record.attempt_start)
    seconds = in_words(due - record.attempt_start)
    message = f"no end was observed within {seconds}: {record.message}".rstrip(": ")
    return Assessment(NodeState.TIMED_OUT, record, Reason.TIMED_OUT, message, stop=Stop.BY_FORCE)


Rule = Callable[[Facts], Assessment | None]
RULES: tuple[Rule, ...] = (
    _cancelled_while_waiting,  # A waiting node runs nothing, so there is nothing to stop first.
    _awaiting,  # People, signals and conditions are evaluated where they are read.
    _delayed,
    _withheld,  # Before the backoff: a pause may outlast the time of the next attempt.
    _backing_off,  # The last rule for waiting nodes: from here on an attempt has begun.
    _succeeded,  # Before any cancellation: an observed success is not undone.
    _ended_badly,  # Evidence before the clock, which decides only in the last two rules.
    _cancelled_unmade,  # Before a missing attempt: a cancelled node creates nothing any more.
    _stopping,  # If the cancellation does not stop running attempts, the next rules apply.
    _unobserved,  # Absence from a cache proves nothing; a deletion is observed as an end.
    _missing,  # Creating it is safe: its name is that of the attempt.
    _child_in_progress,  # It has its own timeout, and its end is awaited past it.
    _job_in_progress,
)
"""Applied in this order; the last one matches everything that is left."""


def _waits(facts: Facts) -> bool:
    """Whether the node waits and has no unfinished attempt."""
    return not facts.node.kind.attempts or facts.record.phase is NodePhase.WAITING


def _is_unmade(record: Record, attempt: Attempt | None) -> bool:
    """Whether neither a Job nor a sub-execution of the attempt exists, as far as is known."""
    return (attempt is None or is_held_up(attempt)) and not record.job and not record.execution


def _cancelled(facts: Facts, cause: Cancelling) -> Assessment:
    return Assessment(NodeState.CANCELLED, facts.record, cause.reason, cause.message)


def _bad_end(facts: Facts, record: Record, end: Attempt) -> Assessment:
    """The state after an attempt that did not succeed."""
    node, cause, end = facts.node, facts.cause, with_cause(record, end)
    # It was probably stopped by the cancellation, which is therefore the cause.
    if cause is not None and cause.stops_running:
        return Assessment(NodeState.CANCELLED, record, cause.reason, cause.message, end)
    # Never a failure after the fact: successors that require its success have started.
    if facts.followed and end.reason == Reason.OUTPUTS_LOST:
        return Assessment(NodeState.OUTPUTS_LOST, record, end.reason, end.message, end)
    # Kubernetes has already retried the items of a fan-out.
    retried = node.spec.for_each is None and may_retry(node.retry, facts.tried, end)
    if retried and cause is None:
        return _retryable(facts, record, end)
    if end.state is AttemptState.TIMED_OUT:
        reason = end.reason or Reason.TIMED_OUT
        return Assessment(NodeState.TIMED_OUT, record, reason, end.message, end)
    return Assessment(NodeState.FAILED, record, end.reason or Reason.FAILED, end.message, end)


def _retryable(facts: Facts, record: Record, end: Attempt) -> Assessment:
    rules, tried = facts.node.retry, facts.tried
    identity = f"{facts.run}/{facts.node.name}/{record.iteration}"
    due = finished_at(record, end, facts.now) + backoff(rules, tried, identity)
    why = end.message or end.reason or end.state.value
    message = f"attempt {tried} of {rules.limit + 1}: {why}"
    return Assessment(NodeState.RETRYABLE, record, Reason.BACKOFF, message, end, due=due)


def _never_started(facts: Facts, record: Record, seconds: float) -> Assessment:
    """The state after an attempt that has not started within so many seconds.

    Only the clock gives it up, so its Job, if there is one, must be stopped.
    """
    found = _bad_end(facts, record, not_started(seconds))
    return replace(found, stop=Stop.GENTLY if record.job else None)


def _with_progress(node: GraphNode, record: Record, attempt: Attempt) -> Record:
    """The record with what was observed of a running attempt."""
    running = attempt.state is AttemptState.RUNNING
    if record.phase is NodePhase.RUNNING and not running:
        return record  # the Job's count of ready pods falls before the end of its pod is observed
    reason, message = attempt.reason, attempt.message
    if not running:
        reason, message = lasting_cause(record, attempt)
    from_creation = _counts_from_creation(node, record, attempt)
    return replace(
        record,
        phase=NodePhase.RUNNING if running else NodePhase.PENDING,
        reason=reason,
        message=message,
        job=attempt.job or record.job,
        execution=attempt.execution or record.execution,
        completed=attempt.completed,
        failed=attempt.failed,
        attempt_started_at=attempt.made_at if from_creation else record.attempt_started_at,
    )


def _counts_from_creation(node: GraphNode, record: Record, attempt: Attempt) -> bool:
    """Whether the attempt's time begins with its creation, long after its decision.

    This is so if the operator was not running in between. `startTimeout` limits every hold-up: the
    time of a Job that had to wait for a quota continues from its decision. A sub-execution has its
    own time, and `startTimeout` does not limit it once it exists.
    """
    if attempt.made_at is None:
        return False
    late = attempt.made_at > record.attempt_start + LOST_ATTEMPT_TIMEOUT
    if node.kind is NodeKind.WORKFLOW:
        return late or record.reason in HOLD_UPS
    return late and not record.job and record.reason not in HOLD_UPS
