"""Fan-outs: their items, and how they start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orchestrator.engine.children.fan_out import MAX_CHILDREN, progress_child_fan_out
from orchestrator.engine.decisions import CreateFanOut
from orchestrator.engine.expression_budgets import MAX_ITEMS_BYTES
from orchestrator.engine.graph import GraphNode
from orchestrator.engine.nodes.failure_handling import scope
from orchestrator.engine.nodes.gather import gather
from orchestrator.engine.nodes.instant import fail
from orchestrator.engine.observed import Attempt, AttemptState
from orchestrator.engine.status.records import Record
from orchestrator.engine.work import Work
from orchestrator.expressions import ExpressionError, compile_expression, render
from orchestrator.expressions.bounds import length_of
from orchestrator.expressions.errors import kind
from orchestrator.models.execution import NodePhase
from orchestrator.models.reasons import Reason
from orchestrator.validation.variables import resolve_parameters


def create_fan_out(work: Work, node: GraphNode, attempt: int) -> None:
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
            fail(work, node, error.reason, message)
            return
        parameters, problems = resolve_parameters(node.template, values)
        if problems:
            message = "; ".join(f"item {index}: {node.path}.{problem}" for problem in problems[:3])
            fail(work, node, Reason.INVALID_PARAMETERS, message)
            return
        rendered.append(parameters)
        size += length_of(values)
        if size > MAX_ITEMS_BYTES:
            message = f"{node.path}.with: the first {index + 1:,} of {len(items):,} items are"
            message += f" {size:,} bytes together; at most {MAX_ITEMS_BYTES:,}"
            fail(work, node, Reason.TOO_MANY_ITEMS, message)
            return
    if record.items is None:
        work.set(node, replace(record, items=len(items)), evidence=work.stored(node))
    work.create(node, CreateFanOut(node.name, attempt, tuple(rendered)))


def items_of(work: Work, node: GraphNode) -> list[Any] | None:
    """The items of a forEach; None if the node has failed because of it."""
    assert node.spec.for_each is not None
    path = f"{node.path}.forEach.values"
    try:
        items = compile_expression(node.spec.for_each.values).evaluate(scope(work, node))
    except ExpressionError as error:
        fail(work, node, error.reason, f"{path}: {error}")
        return None
    if not isinstance(items, list):
        message = f"{path}: must give a list, not {kind(items)}"
        fail(work, node, Reason.EXPRESSION_ERROR, message)
        return None
    return items


def start_child_fan_out(work: Work, node: GraphNode) -> None:
    """A fan-out over a sub-workflow."""
    items = begin_child_fan_out(work, node)
    record = work.record(node.name)
    if items is None or record is None:
        return
    gathered = Attempt(AttemptState.SUCCEEDED, outputs=_no_items(node)) if not items else None
    facts = replace(gather(work, node, record), attempt=gathered)
    progress_child_fan_out(work, facts, lambda: items)


def begin_child_fan_out(work: Work, node: GraphNode) -> list[Any] | None:
    """Record how many items the fan-out has; None if the node has failed because of them."""
    begun = Record(NodePhase.PENDING, reason=Reason.STARTING, attempts=1, started_at=work.now)
    work.set(node, begun, evidence=work.stored(node))
    items = items_of(work, node)
    if items is None:
        return None
    if len(items) > MAX_CHILDREN:
        message = f"{len(items):,} items; at most {MAX_CHILDREN} sub-executions"
        fail(work, node, Reason.TOO_MANY_ITEMS, f"{node.path}.forEach: {message}")
        return None
    work.set(node, replace(begun, items=len(items)), evidence=work.stored(node))
    return items


def _no_items(node: GraphNode) -> dict[str, Any]:
    assert node.spec.for_each is not None
    return {name: [] for name in node.spec.for_each.gather or ()}
