"""The kinds of node that end in the pass that starts them: condition, transform and fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.engine.graph import GraphNode
from orchestrator.engine.nodes.failure_handling import scope
from orchestrator.engine.status.records import Record
from orchestrator.engine.work import Work
from orchestrator.expressions import (
    ExpressionError,
    SecretValue,
    compile_expression,
    evaluate_boolean,
    render,
)
from orchestrator.expressions.bounds import to_text
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import Reason


def start_condition(work: Work, node: GraphNode) -> None:
    """Succeed with output `result`, whatever the condition evaluates to."""
    assert node.spec.condition is not None
    try:
        result = evaluate_boolean(node.spec.condition, scope(work, node))
    except ExpressionError as error:
        fail(work, node, error.reason, f"{node.path}.condition: {error}")
        return
    _succeed(work, node, {"result": result})


def start_transform(work: Work, node: GraphNode) -> None:
    """Succeed with outputs computed from expressions."""
    outputs: dict[str, Any] = {}
    for name, source in (node.spec.transform or {}).items():
        try:
            outputs[name] = compile_expression(source).evaluate(scope(work, node))
        except ExpressionError as error:
            fail(work, node, error.reason, f"{node.path}.transform.{name}: {error}")
            return
    _succeed(work, node, outputs)


def start_fail(work: Work, node: GraphNode) -> None:
    """Fail with the node's own message; a value that is not a string is written as JSON."""
    assert node.spec.fail is not None
    try:
        message = render(node.spec.fail, scope(work, node))
        if isinstance(message, SecretValue):
            raise ExpressionError("it is a secret, which a message cannot hold")
        text = to_text(message)
    except ExpressionError as error:
        fail(work, node, error.reason, f"{node.path}.fail: {error}")
        return
    failed = Record(NodePhase.FAILED, Reason.FAIL_NODE, text, started_at=work.now)
    work.set(node, _ended(work, failed), evidence=work.stored(node))


def fail(work: Work, node: GraphNode, reason: str, message: str) -> None:
    """End the node as Failed before it started, or before its next attempt."""
    work.end(node, NodePhase.FAILED, reason, message, evidence=work.stored(node))


def _succeed(work: Work, node: GraphNode, outputs: dict[str, Any]) -> None:
    done = Record(NodePhase.SUCCEEDED, started_at=work.now, outputs=outputs)
    work.set(node, _ended(work, done), evidence=work.stored(node))


def _ended(work: Work, record: Record) -> Record:
    return replace(record, finished_at=work.now)
