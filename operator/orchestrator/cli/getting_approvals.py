"""`get approvals`: pending approvals, their approvers, and the command that approves each."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.listing import Query
from orchestrator.cli.pending_approvals import (
    NOT_ENDED,
    PendingApproval,
    pending_of,
)
from orchestrator.cli.printing import list_of, read_format
from orchestrator.cli.tables import age, print_table
from orchestrator.cli.terminal import say
from orchestrator.engine.graph import Graph
from orchestrator.engine.nodes.approval import count_votes
from orchestrator.engine.times import to_rfc3339
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.reasons import Reason
from orchestrator.operations.approvals import ApprovalDetails, waiting_records
from orchestrator.session.revisions import load_graph


def list_approvals(target: Target, query: Query, output: str | None) -> int:
    """Print the pending approvals of the selected executions."""
    wanted, every = read_format(output), query.every
    cluster = target.connect()
    found = sorted(_pending(cluster, query), key=lambda one: (one.namespace, one.since))
    now = time.time()
    match wanted.name:
        case "json" | "yaml" | "jsonpath":
            wanted.show(list_of(query.select([_raw(one) for one in found])))
        case "name":
            for one in found:
                say(f"{one.execution}/{one.node}")
        case _ if not found:
            where = "" if every else f" in namespace {cluster.namespace}"
            say(f"no approval waits{where}")
        case _:
            _print_table(found, now, every=every)
    return 0


def _pending(cluster: Cluster, query: Query) -> Iterator[PendingApproval]:
    fields = f"{NOT_ENDED},{query.fields}" if query.fields else NOT_ENDED
    asked = {**query.parameters(), "fieldSelector": fields}
    graphs: dict[tuple[str, str], Graph | None] = {}
    for execution in cluster.list(EXECUTIONS, every=query.every, query=asked)["items"]:
        if not waiting_records(execution):
            continue
        key = execution["metadata"]["namespace"], execution["status"].get("revision", "")
        if key not in graphs:
            graphs[key] = load_graph(cluster.within(key[0]), execution)
        yield from pending_of(execution, graphs[key])


def _print_table(found: list[PendingApproval], now: float, *, every: bool) -> None:
    header = ["Execution", "Node", "For", "Approved", "Age", "Left", "Command"]
    cells = [_cells(one, now) for one in found]
    if every:
        header = ["Namespace", *header]
        cells = [[one.namespace, *row] for one, row in zip(found, cells, strict=True)]
    print_table(header, cells)
    if any(one.details is None for one in found):
        say(
            "showing the approvers and the deadline requires the right to get controllerrevisions"
            " (ClusterRole"
            " itechsmart-workflow-oncall)",
            file=sys.stderr,
        )


def _cells(one: PendingApproval, now: float) -> list[str]:
    waited = age(now - one.since)
    if one.details is None:
        return [one.execution, one.node, "?", "?", waited, "?", one.command]
    approved = f"{len(_approved(one))}/{one.details.approval.required or 1}"
    if one.reason == Reason.APPROVALS_UNPROTECTED:
        approved = one.reason
    left = age(max(0.0, one.details.until - now))
    return [one.execution, one.node, _for_whom(one.details), approved, waited, left, one.command]


def _for_whom(details: ApprovalDetails) -> str:
    words = ",".join(details.approval.approvers)
    if details.approval.exclude_requester and details.run.initiator:
        words += f" but not user:{details.run.initiator}"
    return words


def _approved(one: PendingApproval) -> list[str]:
    if one.details is None:
        return []
    votes = count_votes(one.details.approval, one.node, one.details.run)
    return [vote["by"] for vote in votes.approved]


def _raw(one: PendingApproval) -> Raw:
    raw: Raw = {
        "namespace": one.namespace,
        "execution": one.execution,
        "node": one.node,
        "reason": one.reason,
        "message": one.message,
        "since": to_rfc3339(one.since),
    }
    if (details := one.details) is not None:
        excludes = details.approval.exclude_requester and details.run.initiator
        raw |= {
            "title": details.title,
            "approvers": list(details.approval.approvers),
            "excluded": [details.run.initiator] if excludes else [],
            "required": details.approval.required or 1,
            "approved": _approved(one),
            "until": to_rfc3339(details.until),
            "inputs": details.approval.inputs or {},
        }
    return {**raw, "command": one.command}
