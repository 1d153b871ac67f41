"""Advances a node that has started: chooses the next step from its classified state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from orchestrator.engine.children.fan_out import progress_child_fan_out
from orchestrator.engine.children.sub_execution import control_child
from orchestrator.engine.decisions import StopJob
from orchestrator.engine.graph import GraphNode, NodeKind
from orchestrator.engine.lifecycle.cancellation import ended_by
from orchestrator.engine.nodes.approval import progress_approval
from orchestrator.engine.nodes.assessment import Assessment, Facts, NodeState, Stop
from orchestrator.engine.nodes.classify import classify, finished_at
from orchestrator.engine.nodes.fan_out import items_of
from orchestrator.engine.nodes.gather import gather
from orchestrator.engine.nodes.repeat import repeat
from orchestrator.engine.nodes.start import create_attempt
from orchestrator.engine.nodes.wait import progress_wait
from orchestrator.engine.observed import Attempt
from orchestrator.engine.status.records import Record
from orchestrator.engine.times import in_words
from orchestrator.engine.work import Work
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import EventReason, Reason

_ABSENCES = (Reason.JOB_DELETED, Reason.SUB_WORKFLOW_DELETED, Reason.OUTPUTS_LOST)


def progress(work: Work, node: GraphNode, record: Record) -> None:
    """Reconcile one node that has not ended."""
    facts = gather(work, node, record)
    if node.kind is NodeKind.WORKFLOW and node.spec.for_each is not None:
        progress_child_fan_out(work, facts, lambda: items_of(work, node))
        return
    found = classify(facts)
    _CHOICES[found.state](work, facts, found)
    if found.stop is not None:
        _stop(work, facts, found.stop)
    if found.due is not None:
        work.wake(found.due)


def _wait(work: Work, facts: Facts, found: Assessment) -> None:
    """Leave the node as it is until it is due or has an event."""


def _await(work: Work, facts: Facts, found: Assessment) -> None:
    awaits = progress_wait if facts.node.kind is NodeKind.WAIT else progress_approval
    awaits(work, facts.node, found.record)


def _begin_attempt(work: Work, facts: Facts, found: Assessment) -> None:
    begun = replace(
        facts.record,
        phase=NodePhase.PENDING,
        reason=found.reason,
        message=found.message,
        attempts=facts.record.attempts + 1,
        attempt_started_at=work.now,
        retry_at=None,
        job="",
        execution="",
    )
    work.set(facts.node, begun, evidence=False)
    create_attempt(work, facts.node, begun.attempts)


def _create(work: Work, facts: Facts, found: Assessment) -> None:
    work.set(facts.node, found.record, evidence=False)
    create_attempt(work, facts.node, found.record.attempts)


def _observe(work: Work, facts: Facts, found: Assessment) -> None:
    work.observe(facts.node, found.record)


def _succeed(work: Work, facts: Facts, found: Assessment) -> None:
    end = found.end
    assert end is not None
    done = replace(
        found.record,
        phase=NodePhase.SUCCEEDED,
        reason=found.reason,
        message=found.message,
        job=end.job or found.record.job,
        finished_at=finished_at(found.record, end, work.now),
        exit_code=None,
        outputs=end.outputs,
        completed=end.completed,
        failed=end.failed,
    )
    if facts.node.spec.repeat is None:
        work.set(facts.node, done, evidence=True)
    else:
        repeat(work, facts.node, done)


def _retry(work: Work, facts: Facts, found: Assessment) -> None:
    node, due = facts.node, found.due
    assert due is not None
    waiting = replace(
        _with_end(found),
        phase=NodePhase.WAITING,
        reason=found.reason,
        message=found.message,
        retry_at=due,
    )
    work.set(node, waiting, evidence=False)
    when = in_words(due - work.now)
    work.announce(EventReason.NODE_RETRY, f"{node.name} is retried in {when} ({found.message})")


def _end(work: Work, facts: Facts, found: Assessment) -> None:
    ended = replace(
        _with_end(found),
        phase=_phase(facts, found),
        reason=found.reason,
        message=found.message,
        finished_at=finished_at(found.record, found.end, work.now),
        retry_at=None,
    )
    work.set(facts.node, ended, evidence=found.end is not None and _lasts(found.end))


_CHOICES: dict[NodeState, Callable[[Work, Facts, Assessment], None]] = {
    NodeState.AWAITING: _await,
    NodeState.DELAYED: _wait,
    NodeState.DELAY_OVER: _end,
    NodeState.BACKING_OFF: _wait,
    NodeState.RETRY_DUE: _begin_attempt,
    NodeState.WITHHELD: _wait,
    NodeState.MISSING: _create,
    NodeState.UNOBSERVED: _wait,
    NodeState.IN_PROGRESS: _observe,
    NodeState.OVERDUE: _observe,
    NodeState.STOPPING: _wait,
    NodeState.RETRYABLE: _retry,
    NodeState.SUCCEEDED: _succeed,
    NodeState.OUTPUTS_LOST: _end,
    NodeState.FAILED: _end,
    NodeState.TIMED_OUT: _end,
    NodeState.CANCELLED: _end,
}


def _phase(facts: Facts, found: Assessment) -> NodePhase:
    match found.state:
        case NodeState.CANCELLED:
            assert facts.cause is not None
            return ended_by(facts.cause)
        case NodeState.DELAY_OVER | NodeState.OUTPUTS_LOST:
            return NodePhase.SUCCEEDED
        case state:
            return NodePhase(state.value)


def _with_end(found: Assessment) -> Record:
    """The record with what was observed of its attempt's end, if it ended."""
    record, end = found.record, found.end
    if end is None:
        return record
    return replace(
        record,
        job=end.job or record.job,
        execution=end.execution or record.execution,
        exit_code=end.exit_code,
        completed=end.completed or record.completed,
        failed=end.failed or record.failed,
    )


def _lasts(end: Attempt) -> bool:
    """Whether the next pass observes the same end: not if something was refused or deleted."""
    return bool(end.job or end.execution) and end.reason not in _ABSENCES


def _stop(work: Work, facts: Facts, stop: Stop) -> None:
    """Stop the running attempt, once the decision is stored."""
    node, record, force = facts.node, facts.record, stop is Stop.BY_FORCE
    if node.kind is NodeKind.WORKFLOW:
        control_child(work, node, record, force=force)
    else:
        work.after.append(StopJob(node.name, record.attempts, force=force))
