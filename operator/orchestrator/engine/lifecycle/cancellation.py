"""Brings a run to an early end: on request, on timeout, or after an unhandled failure."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.engine.graph import GraphNode
from orchestrator.engine.nodes.failure_handling import unhandled
from orchestrator.engine.status.records import Cancelling, Settled
from orchestrator.engine.work import Work
from orchestrator.expressions.budget import paid_by
from orchestrator.models.execution import DesiredState, ExecutionPhase, NodePhase
from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import OnFailure

_ASKED: Mapping[DesiredState, tuple[Reason, str]] = {
    DesiredState.CANCELLED: (Reason.CANCEL_REQUESTED, "the execution was cancelled"),
    DesiredState.TERMINATED: (Reason.TERMINATED, "the execution was terminated"),
}
_RANKS: Mapping[str, int] = {
    Reason.FAILURE_STOPPED: 0,
    Reason.FAILURE_CANCELLED: 1,
    Reason.EXECUTION_TIMED_OUT: 2,
    Reason.CANCEL_REQUESTED: 3,
    Reason.REPLACED: 3,
    Reason.TERMINATED: 4,
}
"""Cancelled takes precedence over TimedOut, and TimedOut over Failed, until the outcome is
settled."""

_PHASES: Mapping[str, ExecutionPhase] = {
    Reason.FAILURE_STOPPED: ExecutionPhase.FAILED,
    Reason.FAILURE_CANCELLED: ExecutionPhase.FAILED,
    Reason.EXECUTION_TIMED_OUT: ExecutionPhase.TIMED_OUT,
}


def phase_of(cause: Cancelling) -> ExecutionPhase:
    """The final phase of an execution that ends for this cause."""
    return _PHASES.get(cause.reason, ExecutionPhase.CANCELLED)


def ended_by(cause: Cancelling) -> NodePhase:
    """The final phase of a node that ends for this cause."""
    timed_out = cause.reason == Reason.FINALLY_TIMED_OUT
    return NodePhase.TIMED_OUT if timed_out else NodePhase.CANCELLED


def begin_cancellation(work: Work) -> None:
    """Begin to cancel if cancellation was requested or the execution has timed out."""
    asked = _ASKED.get(work.run.desired_state)
    if work.settled is not None:
        _control_finally(work, work.settled)
        return
    if asked:
        _cancel(work, *asked)
    timeout = work.graph.timeout
    if timeout is None:
        return
    due = work.run.started_at + timeout
    if work.now >= due:
        message = f"the execution ran longer than {work.graph.spec.timeout}"
        _cancel(work, Reason.EXECUTION_TIMED_OUT, message)
    elif work.cancelling is None:
        work.wake(due)


def apply_on_failure(work: Work, node: GraphNode) -> None:
    """Stop or cancel the rest, if this node's failure is unhandled."""
    policy = work.graph.spec.on_failure
    if policy is OnFailure.FINISH or node.final:
        return
    with paid_by(work.reacting):
        if not unhandled(work, node):
            return
    if policy is OnFailure.STOP:
        message = f"{node.name} failed, and onFailure is Stop"
        _cancel(work, Reason.FAILURE_STOPPED, message)
    else:
        message = f"{node.name} failed, and onFailure is Cancel"
        _cancel(work, Reason.FAILURE_CANCELLED, message)


def _cancel(work: Work, reason: Reason, message: str) -> None:
    """The cause with the highest rank wins; the time of an earlier stop is kept."""
    old = work.cancelling
    if old is not None and _RANKS.get(old.reason, 3) >= _RANKS[reason]:
        return
    at = old.at if old is not None and old.stops_running else work.now
    work.cancelling = Cancelling(at, reason, message)


def _control_finally(work: Work, settled: Settled) -> None:
    if work.run.desired_state is DesiredState.TERMINATED:
        reason, message = _ASKED[DesiredState.TERMINATED]
        _cancel(work, reason, message)
        if settled.reason != reason:
            work.settle(Settled(settled.at, ExecutionPhase.CANCELLED, reason, message))
        return
    if settled.expired_at is not None:
        return
    due = settled.at + work.graph.finally_timeout
    if work.now < due:
        work.wake(due)
        return
    work.settle(
        Settled(settled.at, settled.phase, settled.reason, settled.message, expired_at=work.now)
    )
