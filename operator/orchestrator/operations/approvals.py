"""The pending approvals of an execution, and their details from its graph."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.engine.graph import Graph
from orchestrator.engine.status.execution_status import run_from
from orchestrator.engine.status.read import StatusError
from orchestrator.engine.status.records import Run
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import Approval
from orchestrator.operations.errors import CommandError, conflict, invalid
from orchestrator.operations.executions import check_runs
from orchestrator.operations.writes import Manifest, Raw

REASONS = (Reason.AWAITING_APPROVAL, Reason.APPROVALS_UNPROTECTED)
"""Reasons with which an approval is pending."""
NODE = "spec.decisions[].node"


@dataclass(frozen=True, slots=True)
class ApprovalDetails:
    """Details of an approval from the graph of its execution. Times in seconds."""

    approval: Approval
    run: Run
    title: str
    until: float


def waiting_records(execution: Raw) -> dict[str, Manifest]:
    """The records of the pending approvals, by node."""
    records = (execution.get("status") or {}).get("nodes") or {}
    return {
        node: record
        for node, record in records.items()
        if record["phase"] == "Waiting" and record.get("reason") in REASONS
    }


def details_of(execution: Raw, graph: Graph, node: str) -> ApprovalDetails | None:
    """The details of an approval; None without a graph, or if the status cannot be read."""
    compiled = graph.nodes.get(node)
    if compiled is None or compiled.spec.approval is None:
        return None
    try:
        run = run_from(execution, graph)
    except StatusError:  # the operator ends such an execution
        return None
    until = run.records[node].attempt_start + compiled.timeout
    return ApprovalDetails(compiled.spec.approval, run, compiled.spec.title or node, until)


def waiting_approval(execution: Raw, graph: Graph | None, node: str | None) -> str:
    """The named approval; without a name, the only pending one.

    Raises CommandError if it does not wait for decisions that count; `graph` is the graph of the
    execution, None if it cannot be read.
    """
    check_runs(execution)
    name = execution["metadata"]["name"]
    waiting = waiting_records(execution)
    which = ", ".join(sorted(waiting))
    if node is None:
        if not waiting:
            raise conflict(NODE, f"no approval of {name} is waiting")
        if len(waiting) > 1:
            raise invalid(NODE, f"several approvals of {name} are waiting: name one of {which}")
        node = next(iter(waiting))
    if node not in waiting:
        raise _not_waiting(execution, graph, node, which)
    if waiting[node]["reason"] == Reason.APPROVALS_UNPROTECTED:
        why = waiting[node]["message"]
        raise conflict(NODE, f"{node} of {name} is waiting, but no decision counts now: {why}")
    return node


def _not_waiting(execution: Raw, graph: Graph | None, node: str, waiting: str) -> CommandError:
    name = execution["metadata"]["name"]
    known = f"; waiting: {waiting}" if waiting else "; no approval is waiting"
    if graph is not None and node not in graph.nodes:
        hint = did_you_mean(node, graph.nodes) or known
        return invalid(NODE, f"{name} has no node {node}{hint}")
    record = ((execution.get("status") or {}).get("nodes") or {}).get(node, {})
    state = record.get("phase", "not started")
    if record.get("reason"):
        state += f", {record['reason']}"
    return conflict(NODE, f"{node} of {name} does not wait for a decision ({state}){known}")
