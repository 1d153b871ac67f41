"""Moves on a node that has started: by what was observed of its attempt, or by the clock."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.engine.approval import progress_approval
from orchestrator.engine.causes import HOLD_UPS, is_held_up, lasting_cause, not_started, with_cause
from orchestrator.engine.children import late, stop_child, watch_child
from orchestrator.engine.control import ended_by
from orchestrator.engine.decisions import StopJob
from orchestrator.engine.foreach import items_of
from orchestrator.engine.graph import GraphNode, NodeKind
from orchestrator.engine.manychildren import progress_children
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.records import Cancelling, Record
from orchestrator.engine.repeating import repeat
from orchestrator.engine.retry import backoff, may_retry
from orchestrator.engine.starting import create_attempt
from orchestrator.engine.times import in_words
from orchestrator.engine.waiting import progress_wait
from orchestrator.engine.work import Work
from orchestrator.models.execution import DesiredState, NodePhase
from orchestrator.models.reasons import EventReason, Reason

LOST_GRACE = 30.0
"""Seconds past all deadlines after which an attempt that says nothing is given up."""
_ABSENCES = (Reason.JOB_DELETED, Reason.SUB_WORKFLOW_DELETED, Reason.OUTPUTS_LOST)


def progress(work: Work, node: GraphNode, record: Record) -> None:
    """Reconcile one node that has not ended."""
    if node.kind is NodeKind.WORKFLOW and node.spec.for_each is not None:
        attempt = work.attempt(node.name, record)
        progress_children(work, node, record, lambda: items_of(work, node), attempt)
    elif not node.kind.attempts:
        if not _cancel_now(work, node):
            _WAITING[node.kind](work, node, record)
    elif record.phase is NodePhase.WAITING:
        _progress_backoff(work, node, record)
    else:
        _progress_attempt(work, node, record)


def _progress_delay(work: Work, node: GraphNode, record: Record) -> None:
    due = (record.started_at or work.now) + node.delay
    if work.now < due:
        work.wake(due)
        return
    work.end(node, NodePhase.SUCCEEDED, "", "", evidence=False)


_WAITING = {
    NodeKind.DELAY: _progress_delay,
    NodeKind.APPROVAL: progress_approval,
    NodeKind.WAIT: progress_wait,
}


def _progress_backoff(work: Work, node: GraphNode, record: Record) -> None:
    if _cancel_now(work, node) or work.paused:
        return
    due = record.retry_at or work.now
    if work.now < due:
        work.wake(due)
        return
    again = replace(
        record,
        phase=NodePhase.PENDING,
        reason=Reason.STARTING,
        message="",
        attempts=record.attempts + 1,
        attempt_started_at=work.now,
        retry_at=None,
        job="",
        execution="",
    )
    work.set(node, again, evidence=False)
    create_attempt(work, node, again.attempts)


def _progress_attempt(work: Work, node: GraphNode, record: Record) -> None:
    attempt = work.attempt(node.name, record)
    cause = work.cause(node)
    if attempt is not None and attempt.state is AttemptState.SUCCEEDED:
        _succeed(work, node, record, attempt)
    elif attempt is not None and attempt.state in (AttemptState.FAILED, AttemptState.TIMED_OUT):
        _attempt_failed(work, node, record, late(node, record, attempt))
    elif cause is not None and _is_unmade(record, attempt):
        _cancel_now(work, node)
    elif cause is not None and cause.stops_running:
        _stop(work, node, record, cause)
    elif attempt is None:
        _missing(work, node, record)
    else:
        _watch_the_clock(work, node, _observe_running(work, node, record, attempt), attempt)


def _succeed(work: Work, node: GraphNode, record: Record, attempt: Attempt) -> None:
    done = replace(
        record,
        phase=NodePhase.SUCCEEDED,
        reason=attempt.reason,
        message=attempt.message,
        job=attempt.job or record.job,
        finished_at=_end(work, record, attempt),
        exit_code=None,
        outputs=attempt.outputs,
        completed=attempt.completed,
        failed=attempt.failed,
    )
    if node.spec.repeat is None:
        work.set(node, done, evidence=True)
    else:
        repeat(work, node, done)


def _attempt_failed(work: Work, node: GraphNode, record: Record, attempt: Attempt) -> None:
    attempt = with_cause(record, attempt)
    seen = replace(
        record,
        job=attempt.job or record.job,
        execution=attempt.execution or record.execution,
        exit_code=attempt.exit_code,
        retry_at=None,
        completed=attempt.completed or record.completed,
        failed=attempt.failed or record.failed,
    )
    cause = work.cause(node)
    evidence = _lasts(attempt)
    if cause is not None and cause.stops_running:
        cancelled = replace(
            seen,
            phase=ended_by(cause),
            reason=cause.reason,
            message=cause.message,
            finished_at=_end(work, record, attempt),
        )
        work.set(node, cancelled, evidence=evidence)
        return
    if _follow_up_exists(work, node) and attempt.reason == Reason.OUTPUTS_LOST:
        done = replace(
            seen,
            phase=NodePhase.SUCCEEDED,
            reason=Reason.OUTPUTS_LOST,
            message=attempt.message,
            finished_at=_end(work, record, attempt),
        )
        work.set(node, done, evidence=evidence)
        return
    tried = record.attempts - record.iteration_attempts
    # Kubernetes has repeated what was to be repeated of a fan-out.
    retried = node.spec.for_each is None and may_retry(node.retry, tried, attempt)
    if cause is None and retried:
        _await_retry(work, node, seen, attempt)
        return
    timed_out = attempt.state is AttemptState.TIMED_OUT
    failed = replace(
        seen,
        phase=NodePhase.TIMED_OUT if timed_out else NodePhase.FAILED,
        reason=attempt.reason or (Reason.TIMED_OUT if timed_out else Reason.FAILED),
        message=attempt.message,
        finished_at=_end(work, record, attempt),
    )
    work.set(node, failed, evidence=evidence)


def _lasts(attempt: Attempt) -> bool:
    """Whether the next pass observes the same end: not where something was refused or is gone."""
    return bool(attempt.job or attempt.execution) and attempt.reason not in _ABSENCES


def _await_retry(work: Work, node: GraphNode, record: Record, attempt: Attempt) -> None:
    identity = f"{work.run.uid}/{node.name}/{record.iteration}"
    tried = record.attempts - record.iteration_attempts
    wait = backoff(node.retry, tried, identity)
    due = _end(work, record, attempt) + wait
    total = node.retry.limit + 1
    why = attempt.message or attempt.reason or attempt.state.value
    waiting = replace(
        record,
        phase=NodePhase.WAITING,
        reason=Reason.BACKOFF,
        message=f"attempt {tried} of {total}: {why}",
        retry_at=due,
    )
    work.set(node, waiting, evidence=False)
    work.announce(
        EventReason.NODE_RETRY,
        f"{node.name} tries again in {in_words(due - work.now)} "
        f"(attempt {tried} of {total}: {why})",
    )
    work.wake(due)


def _observe_running(work: Work, node: GraphNode, record: Record, attempt: Attempt) -> Record:
    """Its record as it is now."""
    running = attempt.state is AttemptState.RUNNING
    if record.phase is NodePhase.RUNNING and not running:
        return record  # the Job's count of ready pods falls before the end of its pod is seen
    reason, message = attempt.reason, attempt.message
    if not running:
        reason, message = lasting_cause(record, attempt)
    seen = replace(
        record,
        phase=NodePhase.RUNNING if running else NodePhase.PENDING,
        reason=reason,
        message=message,
        job=attempt.job or record.job,
        execution=attempt.execution or record.execution,
        completed=attempt.completed,
        failed=attempt.failed,
        attempt_started_at=attempt.made_at
        if _counts_from_creation(node, record, attempt)
        else record.attempt_started_at,
    )
    work.observe(node, seen)
    return seen


def _counts_from_creation(node: GraphNode, record: Record, attempt: Attempt) -> bool:
    """Whether the attempt's time begins with its creation, long after its decision.

    So it does where the operator was away meanwhile. `startTimeout` bounds all that is held up: the
    time of a Job that had to wait for a quota goes on from its decision. That of a sub-execution is
    its own, and `startTimeout` bounds nothing of it once it exists.
    """
    if attempt.made_at is None:
        return False
    late = attempt.made_at > record.attempt_start + LOST_GRACE
    if node.kind is NodeKind.WORKFLOW:
        return late or record.reason in HOLD_UPS
    return late and not record.job and record.reason not in HOLD_UPS


def _missing(work: Work, node: GraphNode, record: Record) -> None:
    """Nothing observed: the Job was decided and perhaps not created. Creating it is safe.

    Where that was long ago, nobody was there to create it: its time begins now. What was held up
    all the time that it has to start in is not created any more.
    """
    if record.job or record.execution:
        return
    held_up, due = record.reason in HOLD_UPS, record.attempt_start + node.start_timeout
    if held_up and work.now >= due:
        _give_up(work, node, record)
        return
    if work.paused:
        if held_up:
            work.wake(due)
        return
    if work.now > record.attempt_start + LOST_GRACE and not held_up:
        work.set(node, replace(record, attempt_started_at=work.now), evidence=False)
    create_attempt(work, node, record.attempts)


def _watch_the_clock(work: Work, node: GraphNode, record: Record, attempt: Attempt) -> None:
    if node.kind is NodeKind.WORKFLOW and not is_held_up(attempt):
        watch_child(work, node, record)
        return
    rounds = 1 if record.items is None else node.rounds(record.items)
    made_at = max(record.attempt_start, attempt.made_at or 0.0)
    due = made_at + 2 * rounds * node.timeout + 2 * node.grace + LOST_GRACE
    if record.phase is NodePhase.PENDING:
        start_due = record.attempt_start + node.start_timeout
        # A Job not seen yet has no deadline of its own.
        due = start_due if attempt.made_at is None else min(due, start_due)
    if work.now < due:
        work.wake(due)
        return
    if record.phase is NodePhase.PENDING:
        _give_up(work, node, record, due - record.attempt_start)
        return
    seconds = in_words(due - record.attempt_start)
    message = f"no end was seen within {seconds}: {record.message}".rstrip(": ")
    work.end(node, NodePhase.TIMED_OUT, Reason.TIMED_OUT, message, evidence=False)
    work.after.append(StopJob(node.name, record.attempts, force=True))


def _give_up(work: Work, node: GraphNode, record: Record, seconds: float | None = None) -> None:
    """End an attempt that has not started after so many seconds: `startTimeout`, if not given.

    By the clock alone, so it is stored first and the Job, if there is one, stopped afterwards.
    """
    _attempt_failed(work, node, record, not_started(seconds or node.start_timeout))
    if record.job:
        work.after.append(StopJob(node.name, record.attempts, force=False))


def _cancel_now(work: Work, node: GraphNode) -> bool:
    """End what nobody works for, if nothing of it may start any more."""
    cause = work.cause(node)
    if cause is None:
        return False
    work.end(node, ended_by(cause), cause.reason, cause.message, evidence=False)
    return True


def _is_unmade(record: Record, attempt: Attempt | None) -> bool:
    """Whether neither a Job nor a sub-execution of the attempt exists, as far as anybody knows."""
    return (attempt is None or is_held_up(attempt)) and not record.job and not record.execution


def _stop(work: Work, node: GraphNode, record: Record, cause: Cancelling) -> None:
    terminated = work.run.desired_state is DesiredState.TERMINATED
    if node.kind is NodeKind.WORKFLOW:
        stop_child(work, node, record, force=terminated)
        return
    force_at = cause.at + 2 * node.grace
    give_up_at = force_at + LOST_GRACE
    if work.now >= give_up_at:
        _cancel_now(work, node)
        work.after.append(StopJob(node.name, record.attempts, force=True))
        return
    force = terminated or work.now >= force_at
    work.after.append(StopJob(node.name, record.attempts, force=force))
    work.wake(give_up_at if force else force_at)


def _end(work: Work, record: Record, attempt: Attempt) -> float:
    """When the attempt ended: the kubelet says it in whole seconds, so never before its start."""
    return max(attempt.finished_at or work.now, record.attempt_start)


def _follow_up_exists(work: Work, node: GraphNode) -> bool:
    return any((edge.target, 1) in work.observed for edge in node.outgoing)
