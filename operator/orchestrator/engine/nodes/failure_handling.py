"""Whether a node's failure is handled."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from orchestrator.engine.expression_budgets import MAX_JUDGING_WORK, NODE_VIEW_WORK
from orchestrator.engine.graph import GraphNode
from orchestrator.engine.nodes.edges import FAILURES, matches
from orchestrator.engine.scope import Surroundings, workflow_scope
from orchestrator.engine.work import Work
from orchestrator.expressions import ExpressionError, evaluate_boolean
from orchestrator.expressions.budget import Account, afford, paid_by
from orchestrator.models.workflow import Outcome


def unhandled(work: Work, node: GraphNode) -> bool:
    """Whether the node failed and the failure is unhandled: no Failed edge taken, no
    allowFailure."""
    record = work.record(node.name)
    if record is None or record.phase not in FAILURES or node.allow_failure:
        return False
    for edge in node.outgoing:
        if edge.outcome is Outcome.FAILED and matches(edge.outcome, record, allow_failure=False):
            target = work.graph.nodes[edge.target]
            try:
                if edge.when is None or evaluate_boolean(edge.when, scope(work, target)):
                    return False
            except ExpressionError:
                continue
    return True


def failures(work: Work, nodes: Iterable[GraphNode]) -> list[GraphNode]:
    """The nodes whose failure no edge handles."""
    return [node for node in nodes if unhandled(work, node)]


def scope(work: Work, node: GraphNode, **more: Any) -> dict[str, Any]:
    """The scope of a node's expressions; `more` are additional names, such as `now`.

    Raises BudgetExhaustedError if the pass has no budget left.
    """
    names: Collection[str] = work.graph.nodes if node.reads is None else node.reads
    afford(NODE_VIEW_WORK * len(names))
    surroundings = _outcome(work) if node.final else None
    return {**workflow_scope(work.run, work.records, names, surroundings), **more}


def _outcome(work: Work) -> Surroundings | None:
    if work.settled is None or work.surroundings is not None:
        return work.surroundings
    main = (node for node in work.graph.nodes.values() if not node.final)
    found = []
    with paid_by(Account(MAX_JUDGING_WORK)):
        failed = failures(work, main)
    for node in failed:
        record = work.records[node.name]
        found.append(
            {
                "node": node.name,
                "title": node.spec.title or node.name,
                "phase": record.phase.value,
                "reason": str(record.reason),
                "message": record.message,
            }
        )
    work.surroundings = Surroundings(work.settled.phase.value, found)
    return work.surroundings
