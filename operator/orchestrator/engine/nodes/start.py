"""Starts a node: evaluates its `when`, then acts by kind. Nodes that need no attempt end at
once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.engine.decisions import CreateChild, CreateJob
from orchestrator.engine.graph import GraphEdge, GraphNode, NodeKind
from orchestrator.engine.lifecycle.cancellation import ended_by
from orchestrator.engine.nodes.edges import JoinResult, join
from orchestrator.engine.nodes.failure_handling import scope
from orchestrator.engine.nodes.fan_out import (
    begin_child_fan_out,
    create_fan_out,
    start_child_fan_out,
)
from orchestrator.engine.nodes.instant import fail, start_condition, start_fail, start_transform
from orchestrator.engine.status.records import Cancelling, Record
from orchestrator.engine.work import Work
from orchestrator.expressions import (
    ExpressionError,
    evaluate_boolean,
    render,
)
from orchestrator.expressions.budget import tick
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import Reason
from orchestrator.validation.variables import resolve_parameters


def start_or_skip(work: Work, node: GraphNode) -> None:
    """Start or skip a node without a record, if all its incoming edges are decided."""
    if work.record(node.name) is not None or (node.final and work.settled is None):
        return
    tick(1 + len(node.incoming))
    try:
        result = join(node, work.graph.nodes, work.records, _asked(work, node))
    except ExpressionError as error:
        fail(work, node, error.reason, str(error))
        return
    match result:
        case JoinResult.WAIT:
            return
        case JoinResult.BLOCKED:
            _skip(work, node, Reason.BLOCKED, _blocked_by(work, node))
        case JoinResult.NOT_CHOSEN:
            _skip(work, node, Reason.BRANCH_NOT_CHOSEN, "no edge to it was taken")
        case JoinResult.START:
            _start(work, node)


def create_attempt(work: Work, node: GraphNode, attempt: int) -> None:
    """Render the input of an attempt, and request its Job or sub-execution."""
    if node.spec.for_each is not None and node.kind is NodeKind.ACTION:
        create_fan_out(work, node, attempt)
        return
    _CREATORS[node.kind](work, node, attempt)


def _create_job(work: Work, node: GraphNode, attempt: int) -> None:
    assert node.template is not None
    try:
        rendered = render(node.spec.with_ or {}, scope(work, node))
    except ExpressionError as error:
        fail(work, node, error.reason, f"{node.path}.with: {error}")
        return
    parameters, problems = resolve_parameters(node.template, rendered)
    if problems:
        message = "; ".join(f"{node.path}.{problem}" for problem in problems)
        fail(work, node, Reason.INVALID_PARAMETERS, message)
        return
    record = work.record(node.name)
    iteration = record.iteration if record is not None else 0
    work.create(node, CreateJob(node.name, attempt, parameters, iteration))


def _create_child(work: Work, node: GraphNode, attempt: int) -> None:
    assert node.spec.workflow is not None
    try:
        variables = render(node.spec.workflow.variables or {}, scope(work, node))
    except ExpressionError as error:
        fail(work, node, error.reason, f"{node.path}.workflow.variables: {error}")
        return
    work.create(node, CreateChild(node.name, attempt, variables))


_CREATORS = {NodeKind.ACTION: _create_job, NodeKind.WORKFLOW: _create_child}


def _start(work: Work, node: GraphNode) -> None:
    if (cause := work.cause(node)) is not None:
        _not_started(work, node, cause)
        return
    if work.paused and node.name not in work.decided_before:
        _adopt(work, node)
        return
    try:
        if node.spec.when is not None and not evaluate_boolean(node.spec.when, scope(work, node)):
            _skip(work, node, Reason.BRANCH_NOT_CHOSEN, f"when is false: {node.spec.when}")
            return
    except ExpressionError as error:
        fail(work, node, error.reason, f"{node.path}.when: {error}")
        return
    if node.kind is NodeKind.WORKFLOW and node.spec.for_each is not None:
        start_child_fan_out(work, node)
        return
    _STARTERS[node.kind](work, node)


def _not_started(work: Work, node: GraphNode, cause: Cancelling) -> None:
    seen = work.observed.get((node.name, 1))
    going_on = seen is not None and (seen.execution or not cause.stops_running)
    if going_on and _adopt(work, node):  # the sub-execution must be stopped and end first
        return
    skipped = node.final and cause.reason == Reason.TERMINATED
    phase = NodePhase.SKIPPED if skipped else ended_by(cause)
    work.end(node, phase, cause.reason, cause.message, evidence=work.stored(node))


def _start_attempt(work: Work, node: GraphNode) -> None:
    if _adopt(work, node):
        return
    begun = Record(NodePhase.PENDING, reason=Reason.STARTING, attempts=1, started_at=work.now)
    work.set(node, begun, evidence=work.stored(node))
    create_attempt(work, node, 1)


def _adopt(work: Work, node: GraphNode) -> bool:
    """Record what was made for the node's first attempt: before a crash, a pause or a
    cancellation, and on grounds that may be gone by now."""
    made = work.observed.get((node.name, 1))
    if made is None or not (made.job or made.execution):
        return False
    if node.kind is NodeKind.WORKFLOW and node.spec.for_each is not None:
        begin_child_fan_out(work, node)  # the next pass observes them
        return True
    begun = Record(
        NodePhase.PENDING,
        reason=Reason.SUB_WORKFLOW_CREATED if made.execution else Reason.JOB_CREATED,
        attempts=1,
        job=made.job,
        execution=made.execution,
        started_at=work.now,
        items=made.items,
    )
    work.set(node, begun, evidence=work.stored(node))
    return True


def _start_waiting(work: Work, node: GraphNode) -> None:
    """Start to wait for people or the clock; the next reconciliation reports for what."""
    reason = _AWAITED[node.kind]
    if node.spec.wait is not None and node.spec.wait.signal is not None:
        reason = Reason.AWAITING_SIGNAL
    work.set(node, Record(NodePhase.WAITING, reason=reason, started_at=work.now), evidence=False)
    work.wake(work.now + node.delay)


_AWAITED = {
    NodeKind.DELAY: Reason.DELAYED,
    NodeKind.APPROVAL: Reason.AWAITING_APPROVAL,
    NodeKind.WAIT: Reason.AWAITING_CONDITION,
}
_STARTERS = {
    NodeKind.ACTION: _start_attempt,
    NodeKind.WORKFLOW: _start_attempt,
    NodeKind.CONDITION: start_condition,
    NodeKind.TRANSFORM: start_transform,
    NodeKind.FAIL: start_fail,
    NodeKind.DELAY: _start_waiting,
    NodeKind.APPROVAL: _start_waiting,
    NodeKind.WAIT: _start_waiting,
}


def _asked(work: Work, node: GraphNode) -> Callable[[GraphEdge], bool]:
    """Whether the `when` of an edge to the node holds; all of them have the same scope."""
    seen: dict[str, Any] = {}

    def holds(edge: GraphEdge) -> bool:
        if edge.when is None:
            return True
        try:
            seen.update(seen or scope(work, node))
            return evaluate_boolean(edge.when, seen)
        except ExpressionError as error:
            raise type(error)(f"{edge.path}.when: {error}") from error

    return holds


def _skip(work: Work, node: GraphNode, reason: str, message: str) -> None:
    work.end(node, NodePhase.SKIPPED, reason, message, evidence=work.stored(node))


def _blocked_by(work: Work, node: GraphNode) -> str:
    for edge in node.incoming:
        record = work.record(edge.source)
        if record is not None and (
            record.phase in (NodePhase.FAILED, NodePhase.TIMED_OUT, NodePhase.CANCELLED)
            or record.reason == Reason.BLOCKED
        ):
            state = "is blocked" if record.phase is NodePhase.SKIPPED else record.phase.value
            return f"{edge.source} {state}"
    return "a node before it did not succeed"
