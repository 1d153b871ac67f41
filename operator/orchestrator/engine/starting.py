"""Starts a node: its `when`, then its kind. What is decided in the controller ends at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from orchestrator.engine import reasons
from orchestrator.engine.control import ended_by
from orchestrator.engine.costs import ITEMS_BYTES
from orchestrator.engine.decisions import CreateChild, CreateFanOut, CreateJob
from orchestrator.engine.edges import JoinResult, join
from orchestrator.engine.graph import GraphEdge, GraphNode, NodeKind
from orchestrator.engine.handling import scope
from orchestrator.engine.instant import fail, start_condition, start_fail, start_transform
from orchestrator.engine.manychildren import MOST_CHILDREN, progress_children
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.records import Cancelling, Record
from orchestrator.engine.work import Work
from orchestrator.expressions import (
    ExpressionError,
    compile_expression,
    evaluate_boolean,
    render,
)
from orchestrator.expressions.bounds import length_of
from orchestrator.expressions.budget import tick
from orchestrator.expressions.errors import kind
from orchestrator.models.execution import NodePhase
from orchestrator.validation.variables import resolve_parameters


def consider(work: Work, node: GraphNode) -> None:
    """Start or skip a node without a record, if its incoming edges are all decided."""
    if work.record(node.name) is not None or (node.final and work.settled is None):
        return
    tick(1 + len(node.incoming))
    try:
        result = join(node, work.graph.nodes, work.records, _asked(work, node))
    except ExpressionError as error:
        fail(work, node, reasons.reason_of(error), str(error))
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
    """Render what an attempt is given, and ask for its Job or sub-execution."""
    if node.spec.for_each is not None and node.kind is NodeKind.ACTION:
        _create_fan_out(work, node, attempt)
        return
    _CREATORS[node.kind](work, node, attempt)


def _create_job(work: Work, node: GraphNode, attempt: int) -> None:
    assert node.template is not None
    try:
        rendered = render(node.spec.with_ or {}, scope(work, node))
    except ExpressionError as error:
        fail(work, node, reasons.reason_of(error), f"{node.path}.with: {error}")
        return
    parameters, problems = resolve_parameters(node.template, rendered)
    if problems:
        message = "; ".join(f"{node.path}.{problem}" for problem in problems)
        fail(work, node, reasons.INVALID_PARAMETERS, message)
        return
    record = work.record(node.name)
    iteration = record.iteration if record is not None else 0
    work.create(node, CreateJob(node.name, attempt, parameters, iteration))


def _create_child(work: Work, node: GraphNode, attempt: int) -> None:
    assert node.spec.workflow is not None
    try:
        variables = render(node.spec.workflow.variables or {}, scope(work, node))
    except ExpressionError as error:
        fail(work, node, reasons.reason_of(error), f"{node.path}.workflow.variables: {error}")
        return
    work.create(node, CreateChild(node.name, attempt, variables))


def _create_fan_out(work: Work, node: GraphNode, attempt: int) -> None:
    """Render every item's parameters; an empty list is a success without a Job."""
    assert node.template is not None
    assert node.spec.for_each is not None
    items = items_of(work, node)
    if items is None:
        return
    record = work.record(node.name)
    assert record is not None
    if not items:
        empty = _no_items(node)
        done = replace(record, phase=NodePhase.SUCCEEDED, reason="", items=0, outputs=empty)
        evidence = work.stored(node)
        work.set(node, replace(done, attempts=0, finished_at=work.now), evidence=evidence)
        return
    rendered: list[Mapping[str, Any]] = []
    seen: dict[str, Any] = {}
    size = 0
    for index, item in enumerate(items):
        try:
            seen = seen or scope(work, node)
            own = {node.spec.for_each.as_: item, "index": index}
            values = render(node.spec.with_ or {}, {**seen, **own})
        except ExpressionError as error:
            message = f"{node.path}.with: item {index}: {error}"
            fail(work, node, reasons.reason_of(error), message)
            return
        parameters, problems = resolve_parameters(node.template, values)
        if problems:
            message = "; ".join(f"item {index}: {node.path}.{problem}" for problem in problems[:3])
            fail(work, node, reasons.INVALID_PARAMETERS, message)
            return
        rendered.append(parameters)
        size += length_of(values)
        if size > ITEMS_BYTES:
            message = f"{node.path}.with: the first {index + 1:,} of {len(items):,} items are"
            message += f" {size:,} bytes together; at most {ITEMS_BYTES:,}"
            fail(work, node, reasons.TOO_MANY_ITEMS, message)
            return
    if record.items is None:
        work.set(node, replace(record, items=len(items)), evidence=work.stored(node))
    work.create(node, CreateFanOut(node.name, attempt, tuple(rendered)))


def items_of(work: Work, node: GraphNode) -> list[Any] | None:
    """What a forEach goes over; None when the node has failed for it."""
    assert node.spec.for_each is not None
    path = f"{node.path}.forEach.values"
    try:
        items = compile_expression(node.spec.for_each.values).evaluate(scope(work, node))
    except ExpressionError as error:
        fail(work, node, reasons.reason_of(error), f"{path}: {error}")
        return None
    if not isinstance(items, list):
        message = f"{path}: must give a list, not {kind(items)}"
        fail(work, node, reasons.EXPRESSION_ERROR, message)
        return None
    return items


_CREATORS = {NodeKind.ACTION: _create_job, NodeKind.WORKFLOW: _create_child}


def _start(work: Work, node: GraphNode) -> None:
    if (cause := work.cause(node)) is not None:
        _not_started(work, node, cause)
        return
    if work.paused:
        return
    try:
        if node.spec.when is not None and not evaluate_boolean(node.spec.when, scope(work, node)):
            _skip(work, node, reasons.BRANCH_NOT_CHOSEN, f"when is false: {node.spec.when}")
            return
    except ExpressionError as error:
        fail(work, node, reasons.reason_of(error), f"{node.path}.when: {error}")
        return
    if node.kind is NodeKind.WORKFLOW and node.spec.for_each is not None:
        _start_children(work, node)
        return
    _STARTERS[node.kind](work, node)


def _not_started(work: Work, node: GraphNode, cause: Cancelling) -> None:
    seen = work.observed.get((node.name, 1))
    if seen is not None and not cause.stops_running:
        begun = Record(NodePhase.PENDING, reasons.STARTING, attempts=1, started_at=work.now)
        work.set(node, replace(begun, job=seen.job, items=seen.items), evidence=False)
        return
    skipped = node.final and cause.reason == reasons.TERMINATED
    phase = NodePhase.SKIPPED if skipped else ended_by(cause)
    work.end(node, phase, cause.reason, cause.message, evidence=work.stored(node))


def _start_attempt(work: Work, node: GraphNode) -> None:
    begun = Record(NodePhase.PENDING, reason=reasons.STARTING, attempts=1, started_at=work.now)
    made = work.observed.get((node.name, 1))
    if made is not None and made.job:  # before a crash, and on grounds that may be gone by now
        made_so = replace(begun, reason=reasons.JOB_CREATED, job=made.job, items=made.items)
        work.set(node, made_so, evidence=work.stored(node))
        return
    work.set(node, begun, evidence=work.stored(node))
    create_attempt(work, node, 1)


def _start_children(work: Work, node: GraphNode) -> None:
    """A fan-out over a sub-workflow."""
    begun = Record(NodePhase.PENDING, reason=reasons.STARTING, attempts=1, started_at=work.now)
    work.set(node, begun, evidence=work.stored(node))
    items = items_of(work, node)
    if items is None:
        return
    if len(items) > MOST_CHILDREN:
        message = f"{len(items):,} items; at most {MOST_CHILDREN} sub-executions"
        fail(work, node, reasons.TOO_MANY_ITEMS, f"{node.path}.forEach: {message}")
        return
    record = replace(begun, items=len(items))
    work.set(node, record, evidence=work.stored(node))
    gathered = Attempt(AttemptState.SUCCEEDED, outputs=_no_items(node)) if not items else None
    progress_children(work, node, record, lambda: items, gathered)


def _no_items(node: GraphNode) -> dict[str, Any]:
    assert node.spec.for_each is not None
    return {name: [] for name in node.spec.for_each.gather or ()}


def _start_waiting(work: Work, node: GraphNode) -> None:
    """What waits for people or the clock begins to wait; the next look says for what."""
    reason = _AWAITED[node.kind]
    if node.spec.wait is not None and node.spec.wait.signal is not None:
        reason = reasons.AWAITING_SIGNAL
    work.set(node, Record(NodePhase.WAITING, reason=reason, started_at=work.now), evidence=False)
    work.wake(work.now + node.delay)


_AWAITED = {
    NodeKind.DELAY: reasons.DELAYED,
    NodeKind.APPROVAL: reasons.AWAITING_APPROVAL,
    NodeKind.WAIT: reasons.AWAITING_CONDITION,
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
    """Whether the `when` of an edge to the node holds; all of them see the same."""
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
            or record.reason == reasons.BLOCKED
        ):
            state = "is blocked" if record.phase is NodePhase.SKIPPED else record.phase.value
            return f"{edge.source} {state}"
    return "a node before it did not succeed"
