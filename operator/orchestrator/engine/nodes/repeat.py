"""Repeats: after each success, `until` decides whether another iteration follows."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.engine.graph import GraphNode
from orchestrator.engine.lifecycle.cancellation import ended_by
from orchestrator.engine.nodes.failure_handling import scope
from orchestrator.engine.scope import node_view
from orchestrator.engine.status.records import Record, as_stored
from orchestrator.engine.work import Work
from orchestrator.expressions import ExpressionError, evaluate_boolean
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import Reason


def repeat(work: Work, node: GraphNode, done: Record) -> None:
    """End the node with this success, or let it wait for its next iteration.

    `done` is the record that the node would have; `repeat.until` sees it.
    """
    rules = node.spec.repeat
    assert rules is not None
    enough = _enough(work, node, done, rules.until)
    if isinstance(enough, ExpressionError):
        message = f"{node.path}.repeat.until: {enough}"
        reason = enough.reason
        failed = replace(done, phase=NodePhase.FAILED, reason=reason, message=message)
        work.set(node, failed, evidence=False)
    elif enough:
        work.set(node, done, evidence=False)
    elif done.iteration + 1 >= rules.limit:
        message = f"{rules.until} did not hold after {rules.limit} iterations"
        failed = replace(done, phase=NodePhase.FAILED, reason=Reason.REPEAT_LIMIT, message=message)
        work.set(node, failed, evidence=False)
    elif (cause := work.cause(node)) is not None:
        ended = replace(
            done, phase=ended_by(cause), reason=cause.reason, message=cause.message, outputs={}
        )
        work.set(node, ended, evidence=False)
    else:
        _await_next_iteration(work, node, done, rules.limit)


def _await_next_iteration(work: Work, node: GraphNode, done: Record, limit: int) -> None:
    due = (done.finished_at or work.now) + node.delay
    waiting = replace(
        done,
        phase=NodePhase.WAITING,
        reason=Reason.REPEATING,
        message=f"iteration {done.iteration + 1} of at most {limit} ended; `until` does not hold",
        finished_at=None,
        retry_at=due,
        outputs={},
        iteration=done.iteration + 1,
        iteration_attempts=done.attempts,
    )
    work.set(node, waiting, evidence=False)
    work.wake(due)


def _enough(work: Work, node: GraphNode, done: Record, until: str) -> bool | ExpressionError:
    """Whether `until` holds, or why it cannot be evaluated."""
    try:
        seen = scope(work, node)
        outputs = as_stored(dict(done.outputs))
        seen["nodes"][node.name] = node_view(replace(done, outputs=outputs))
        return evaluate_boolean(until, seen)
    except ExpressionError as error:
        return error
