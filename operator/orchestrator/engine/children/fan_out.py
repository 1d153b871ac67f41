"""Fan-outs over a sub-workflow: chooses the next steps from the state of the items."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from orchestrator.engine.children.items import (
    FanOutAssessment,
    FanOutState,
    begun,
    classify_fan_out,
)
from orchestrator.engine.decisions import ControlChild, CreateChild
from orchestrator.engine.lifecycle.cancellation import ended_by
from orchestrator.engine.nodes.assessment import Facts
from orchestrator.engine.nodes.failure_handling import scope
from orchestrator.engine.work import Work
from orchestrator.expressions import ExpressionError, render
from orchestrator.models.execution import DesiredState, NodePhase

MAX_CHILDREN = 500
"""Maximum number of sub-executions of one fan-out."""


def progress_child_fan_out(
    work: Work, facts: Facts, items_of: Callable[[], list[Any] | None]
) -> None:
    """Count the items that ended, start further ones, and end the node with the last.

    `items_of` is called only if items are to start; if it returns None, it has failed the node.
    """
    found = classify_fan_out(facts)
    if found.due is not None:
        work.wake(found.due)
    match found.state:
        case FanOutState.IN_PROGRESS | FanOutState.WITHHELD:
            work.observe(facts.node, found.record)
            _cancel_overdue(work, facts, found)
            if found.state is FanOutState.IN_PROGRESS:
                _begin_further(work, facts, found, items_of)
        case FanOutState.STOPPING:
            work.observe(facts.node, found.record)
            state = DesiredState.TERMINATED if facts.terminated else DesiredState.CANCELLED
            _control(work, facts, found.items.running, state)
        case _:
            _end(work, facts, found)


def _end(work: Work, facts: Facts, found: FanOutAssessment) -> None:
    phase = NodePhase(found.state.value)
    if found.state is FanOutState.CANCELLED:
        assert facts.cause is not None
        phase = ended_by(facts.cause)
    outputs: Mapping[str, Any] = {}
    if phase is NodePhase.SUCCEEDED and facts.attempt is not None:
        outputs = facts.attempt.outputs
    ended = replace(found.record, phase=phase, finished_at=work.now, outputs=outputs)
    work.set(facts.node, ended, evidence=False)


def _cancel_overdue(work: Work, facts: Facts, found: FanOutAssessment) -> None:
    """Cancel each item that has run longer than the node's timeout."""
    for index in found.items.running:
        started_at = found.items.observed[index].started_at
        if started_at is None:
            continue
        due = started_at + facts.node.timeout
        if work.now >= due:
            _control(work, facts, [index], DesiredState.CANCELLED)
        else:
            work.wake(due)


def _begin_further(
    work: Work, facts: Facts, found: FanOutAssessment, items_of: Callable[[], list[Any] | None]
) -> None:
    node, record, items = facts.node, found.record, found.items
    each = node.spec.for_each
    assert each is not None
    assert node.spec.workflow is not None
    known = items.succeeded | items.failed | {*items.active}
    count = begun(record.items or 0, items.ended, each.parallelism)
    if count <= len(known) or (values := items_of()) is None:
        return
    seen: dict[str, Any] = {}
    for index in range(begun(len(values), items.ended, each.parallelism)):
        if index in known:
            continue
        try:
            seen = seen or scope(work, node)
            own = {each.as_: values[index], "index": index}
            variables = render(node.spec.workflow.variables or {}, {**seen, **own})
        except ExpressionError as error:
            message = f"{node.path}.workflow.variables: item {index}: {error}"
            work.end(node, NodePhase.FAILED, error.reason, message, evidence=False)
            return
        work.create(node, CreateChild(node.name, record.attempts, variables, index))


def _control(work: Work, facts: Facts, indexes: Iterable[int], state: DesiredState) -> None:
    for index in indexes:
        work.after.append(ControlChild(facts.node.name, facts.record.attempts, state, index))
