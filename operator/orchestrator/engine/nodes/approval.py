"""Approvals: who may decide, what they decided, and what happens without a decision.

The API server checks that each decision's `by` and `groups` are those of the user who made it.
While it does not (`Work.protected` is false), no decision counts, and anything written in the
meantime never counts (`Trust`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.engine.graph import GraphNode
from orchestrator.engine.people.initiator import UNKNOWN
from orchestrator.engine.people.protection import MISSING_POLICY_CHECK_SECONDS, POLICY_CHECK_SECONDS
from orchestrator.engine.status.records import Record, Run
from orchestrator.engine.work import Work
from orchestrator.models.execution import NodePhase
from orchestrator.models.execution import Verdict as Decided
from orchestrator.models.reasons import Reason
from orchestrator.models.workflow import Approval, ApprovalTimeout
from orchestrator.validation.inputs import check_inputs, check_size

_BEFORE = "decided before the admission policies were in place as they are now: decide again"


@dataclass(frozen=True, slots=True)
class Votes:
    """The decisions that count, and why others do not."""

    approved: tuple[Mapping[str, Any], ...]
    rejected: tuple[Mapping[str, Any], ...]
    ignored: tuple[str, ...]


def count_votes(approval: Approval, node: str, run: Run) -> Votes:
    """Decisions on the node by eligible users; at most one for each, as the API enforces."""
    approved, rejected, ignored = [], [], []
    for decision in run.decisions:
        if decision["node"] != node:
            continue
        if not run.trust.believes(decision):
            ignored.append(f"{decision['by']} {_BEFORE}")
        elif refusal := refusal_of(approval, decision, run):
            ignored.append(f"{decision['by']} {refusal}")
        elif decision["decision"] == Decided.REJECT:
            rejected.append(decision)
        else:
            approved.append(decision)
    return Votes(tuple(approved), tuple(rejected), tuple(ignored))


def refusal_of(approval: Approval, decision: Mapping[str, Any], run: Run) -> str:
    """Why a decision does not count, as a predicate of its author; empty if it counts."""
    who = decision["by"]
    names = {f"user:{who}", *(f"group:{group}" for group in decision.get("groups") or ())}
    if names.isdisjoint(approval.approvers):
        return "is not one of the approvers"
    if approval.exclude_requester and who == run.initiator:
        did = "started" if run.requester else "is behind the event that started"
        return f"{did} the execution, and the requester is excluded"
    if wrong := check_size(decision.get("inputs") or {}):
        return f"gave inputs that cannot be stored: {wrong}"
    if approval.inputs is not None and decision["decision"] == Decided.APPROVE:
        wrong = check_inputs(approval.inputs, decision.get("inputs") or {})
        return f"gave invalid inputs: {wrong}" if wrong else ""
    return ""


def progress_approval(work: Work, node: GraphNode, record: Record) -> None:
    """Check whether enough people decided, or the time to decide has expired."""
    approval = node.spec.approval
    assert approval is not None
    if approval.exclude_requester and work.run.initiator == UNKNOWN:
        message = _unknown(work.run)
        work.end(node, NodePhase.FAILED, Reason.REQUESTER_UNKNOWN, message, evidence=False)
        return
    if not work.protected:
        if work.trust == work.run.trust:  # otherwise the current policies are being stored first
            _await_protection(work, node, record)
        return
    votes = count_votes(approval, node.name, work.run)
    required = approval.required or 1
    if votes.rejected:
        first = votes.rejected[0]
        comment = f": {first['comment']}" if first.get("comment") else ""
        message = f"{_names(votes.rejected)} rejected it{comment}"
        _reject(work, node, record, votes, message)
    elif len(votes.approved) >= required:
        _approve(work, node, record, votes, f"{_names(votes.approved)} approved it")
    elif work.now >= record.attempt_start + node.timeout:
        _time_out(work, node, record, approval, votes)
    else:
        work.wake(min(record.attempt_start + node.timeout, work.now + POLICY_CHECK_SECONDS))
        words = _awaited(approval, votes, required)
        waiting = replace(record, reason=Reason.AWAITING_APPROVAL, message=words)
        work.observe(node, waiting)


def _unknown(run: Run) -> str:
    known = "excludeRequester is set, and who started the execution is unknown"
    if not run.trust.requester:
        return (
            f"{known}: it was created before the admission policies were in place as they are now;"
            " start it again"
        )
    return f"{known}: start it again by `orchestrator run`, or with spec.requester"


def _await_protection(work: Work, node: GraphNode, record: Record) -> None:
    message = "the admission policies that check who decides are not in place: no decision counts"
    due = record.attempt_start + node.timeout
    if work.now >= due:
        work.end(node, NodePhase.FAILED, Reason.APPROVAL_TIMED_OUT, message, evidence=False)
        return
    work.wake(min(due, work.now + MISSING_POLICY_CHECK_SECONDS))
    waiting = replace(record, reason=Reason.APPROVALS_UNPROTECTED, message=message)
    work.observe(node, waiting)


def _awaited(approval: Approval, votes: Votes, required: int) -> str:
    words = f"{len(votes.approved)} of {required} approved"
    if votes.approved:
        words += f" ({_names(votes.approved)})"
    words += f"; asked: {', '.join(approval.approvers)}"
    if votes.ignored:
        words += f"; not counted: {'; '.join(votes.ignored)}"
    return words


def _time_out(
    work: Work, node: GraphNode, record: Record, approval: Approval, votes: Votes
) -> None:
    required = approval.required or 1
    message = f"{len(votes.approved)} of {required} approved in time"
    match approval.on_timeout or ApprovalTimeout.FAIL:
        case ApprovalTimeout.APPROVE:
            _approve(work, node, record, votes, f"{message}, and onTimeout is Approve")
        case ApprovalTimeout.REJECT:
            _reject(work, node, record, votes, f"{message}, and onTimeout is Reject")
        case ApprovalTimeout.FAIL:
            _end(work, node, record, NodePhase.FAILED, Reason.APPROVAL_TIMED_OUT, message, {})


def _approve(work: Work, node: GraphNode, record: Record, votes: Votes, message: str) -> None:
    outputs = _outputs(Decided.APPROVE, votes.approved)
    _end(work, node, record, NodePhase.SUCCEEDED, "", message, outputs)


def _reject(work: Work, node: GraphNode, record: Record, votes: Votes, message: str) -> None:
    outputs = _outputs(Decided.REJECT, votes.rejected)
    _end(work, node, record, NodePhase.FAILED, Reason.REJECTED, message, outputs)


def _end(
    work: Work,
    node: GraphNode,
    record: Record,
    phase: NodePhase,
    reason: str,
    message: str,
    outputs: Mapping[str, Any],
) -> None:
    ended = replace(
        record,
        phase=phase,
        reason=reason,
        message=message,
        finished_at=work.now,
        outputs=outputs,
    )
    work.set(node, ended, evidence=False)


def _outputs(decision: Decided, votes: tuple[Mapping[str, Any], ...]) -> dict[str, Any]:
    return {
        "decision": decision.value,
        "by": [vote["by"] for vote in votes],
        "inputs": {vote["by"]: vote.get("inputs") or {} for vote in votes},
    }


def _names(votes: tuple[Mapping[str, Any], ...]) -> str:
    return ", ".join(vote["by"] for vote in votes)
