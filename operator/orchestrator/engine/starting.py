"""Starts a node: its `when`, then its kind. What is decided in the controller ends at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orchestrator.engine import reasons
from orchestrator.engine.decisions import CreateJob
from orchestrator.engine.edges import JoinResult, join
from orchestrator.engine.graph import GraphEdge, GraphNode, NodeKind
from orchestrator.engine.records import Record
from orchestrator.engine.scope import workflow_scope
from orchestrator.engine.work import Work
from orchestrator.expressions import (
    ExpressionError,
    compile_expression,
    evaluate_boolean,
    render,
)
from orchestrator.models.execution import NodePhase
from orchestrator.validation.variables import resolve_parameters


def consider(work: Work, node: GraphNode) -> None:
    """Start or skip a node without a record, if its incoming edges are all decided."""
    if work.record(node.name) is not None:
        return
    try:
        result = join(node, work.graph.nodes, work.records, lambda edge: _holds(work, node, edge))
    except ExpressionError as error:
        _fail(work, node, reasons.EXPRESSION_ERROR, str(error))
        return
    match result:
        case JoinResult.WAIT:
            return
        case JoinResult.BLOCKED:
            _skip(work, node, reasons.BLOCKED, _blocked_by(work, node))
        case JoinResult.NOT_CHOSEN:
            _skip(work, node, reasons.BRANCH_NOT_CHOSEN, "no edge to it was taken")
        case JoinResult.START:
            _start(work, node)


def create_attempt(work: Work, node: GraphNode, attempt: int) -> None:
    """Render an action's parameters and ask for the attempt's Job."""
    assert node.template is not None
    try:
        rendered = render(node.spec.with_ or {}, scope(work, node))
    except ExpressionError as error:
        _fail(work, node, reasons.EXPRESSION_ERROR, f"{node.path}.with: {error}")
        return
    parameters, problems = resolve_parameters(node.template, rendered)
    if problems:
        message = "; ".join(f"{node.path}.{problem}" for problem in problems)
        _fail(work, node, reasons.INVALID_PARAMETERS, message)
        return
    work.create_job(node, CreateJob(node.name, attempt, parameters))


def scope(work: Work, node: GraphNode) -> dict[str, Any]:
    """What the node's expressions see."""
    names: Iterable[str] = work.graph.nodes if node.reads is None else node.reads
    return workflow_scope(work.run, work.records, names)


def _start(work: Work, node: GraphNode) -> None:
    if work.cancelling is not None:
        cause = work.cancelling
        work.end(
            node, NodePhase.CANCELLED, cause.reason, cause.message, evidence=_stored(work, node)
        )
        return
    if work.paused:
        return
    try:
        if node.spec.when is not None and not evaluate_boolean(node.spec.when, scope(work, node)):
            _skip(work, node, reasons.BRANCH_NOT_CHOSEN, f"when is false: {node.spec.when}")
            return
    except ExpressionError as error:
        _fail(work, node, reasons.EXPRESSION_ERROR, f"{node.path}.when: {error}")
        return
    _STARTERS[node.kind](work, node)


def _start_action(work: Work, node: GraphNode) -> None:
    begun = Record(NodePhase.PENDING, reason=reasons.STARTING, attempts=1, started_at=work.now)
    work.set(node, begun, evidence=_stored(work, node))
    create_attempt(work, node, 1)


def _start_condition(work: Work, node: GraphNode) -> None:
    assert node.spec.condition is not None
    try:
        result = evaluate_boolean(node.spec.condition, scope(work, node))
    except ExpressionError as error:
        _fail(work, node, reasons.EXPRESSION_ERROR, f"{node.path}.condition: {error}")
        return
    _succeed(work, node, {"result": result})


def _start_transform(work: Work, node: GraphNode) -> None:
    outputs: dict[str, Any] = {}
    for name, source in (node.spec.transform or {}).items():
        try:
            outputs[name] = compile_expression(source).evaluate(scope(work, node))
        except ExpressionError as error:
            _fail(work, node, reasons.EXPRESSION_ERROR, f"{node.path}.transform.{name}: {error}")
            return
    _succeed(work, node, outputs)


def _start_delay(work: Work, node: GraphNode) -> None:
    waiting = Record(NodePhase.WAITING, reason=reasons.DELAYED, started_at=work.now)
    work.set(node, waiting, evidence=False)
    work.wake(work.now + node.delay)


_STARTERS = {
    NodeKind.ACTION: _start_action,
    NodeKind.CONDITION: _start_condition,
    NodeKind.TRANSFORM: _start_transform,
    NodeKind.DELAY: _start_delay,
}


def _holds(work: Work, node: GraphNode, edge: GraphEdge) -> bool:
    if edge.when is None:
        return True
    try:
        return evaluate_boolean(edge.when, scope(work, node))
    except ExpressionError as error:
        raise ExpressionError(f"{edge.path}.when: {error}") from error


def _stored(work: Work, node: GraphNode) -> bool:
    return not any(edge.source in work.unstored for edge in node.incoming)


def _succeed(work: Work, node: GraphNode, outputs: dict[str, Any]) -> None:
    done = Record(NodePhase.SUCCEEDED, started_at=work.now, finished_at=work.now, outputs=outputs)
    work.set(node, done, evidence=_stored(work, node))


def _skip(work: Work, node: GraphNode, reason: str, message: str) -> None:
    work.end(node, NodePhase.SKIPPED, reason, message, evidence=_stored(work, node))


def _fail(work: Work, node: GraphNode, reason: str, message: str) -> None:
    work.end(node, NodePhase.FAILED, reason, message, evidence=_stored(work, node))


def _blocked_by(work: Work, node: GraphNode) -> str:
    for edge in node.incoming:
        record = work.record(edge.source)
        if record is not None and (
            record.phase in (NodePhase.FAILED, NodePhase.TIMED_OUT, NodePhase.CANCELLED)
            or record.reason == reasons.BLOCKED
        ):
            state = "is blocked" if record.phase is NodePhase.SKIPPED else record.phase.value
            return f"{edge.source} {state}"
    return "a node before it did not succeed"
