"""Gathers the facts that determine the state of a node."""

from __future__ import annotations

from orchestrator.engine.graph import GraphNode
from orchestrator.engine.nodes.assessment import Facts
from orchestrator.engine.status.records import Record
from orchestrator.engine.work import Work
from orchestrator.models.execution import DesiredState
from orchestrator.models.reasons import Reason


def gather(work: Work, node: GraphNode, record: Record) -> Facts:
    """The facts of a node in this pass."""
    attempt = work.attempt(node.name, record)
    lost = attempt is not None and attempt.reason == Reason.OUTPUTS_LOST
    return Facts(
        node,
        record,
        attempt,
        cause=work.cause(node),
        terminated=work.run.desired_state is DesiredState.TERMINATED,
        paused=work.paused,
        followed=lost and any((edge.target, 1) in work.observed for edge in node.outgoing),
        run=work.run.uid,
        now=work.now,
    )
