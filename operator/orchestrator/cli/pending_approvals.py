"""Pending approvals: their approvers, start, deadline, and the command that approves each."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from orchestrator.cli.approval_inputs import flag_of
from orchestrator.cli.connection import Cluster, Raw
from orchestrator.cli.tree import EXIT_CODES
from orchestrator.engine.graph import Graph
from orchestrator.engine.times import from_rfc3339
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.operations.approvals import ApprovalDetails, details_of, waiting_records
from orchestrator.operations.inputs import fields_of

NOT_ENDED = ",".join(f"status.phase!={phase}" for phase in EXIT_CODES)
"""Selects the executions that have not ended."""


@dataclass(frozen=True, slots=True)
class PendingApproval:
    """A pending approval; `details` is None if the user may not read the graph."""

    namespace: str
    execution: str
    node: str
    reason: str
    message: str
    since: float
    details: ApprovalDetails | None

    @property
    def command(self) -> str:
        """The command that approves it."""
        fields = [] if self.details is None else fields_of(self.details.approval.inputs)
        return " ".join(
            (
                f"orchestrator -n {self.namespace} approve {shlex.quote(self.execution)}",
                self.node,
                *(flag_of(field) for field in fields if field.required),
            )
        )


def pending_of(execution: Raw, graph: Graph | None) -> list[PendingApproval]:
    """The pending approvals of an execution, by name."""
    return [
        pending(execution, node, None if graph is None else details_of(execution, graph, node))
        for node in sorted(waiting_records(execution))
    ]


def pending(execution: Raw, node: str, details: ApprovalDetails | None) -> PendingApproval:
    """One pending approval of an execution."""
    record = execution["status"]["nodes"][node]
    return PendingApproval(
        execution["metadata"]["namespace"],
        execution["metadata"]["name"],
        node,
        record["reason"],
        record.get("message", ""),
        from_rfc3339(record["startedAt"]),
        details,
    )


def inside(cluster: Cluster, execution: Raw) -> list[PendingApproval]:
    """The pending approvals in the sub-executions of an execution, at any depth."""
    items = cluster.list(EXECUTIONS, query={"fieldSelector": NOT_ENDED})["items"]
    children: dict[str, list[Raw]] = {}
    for item in items:
        parent = (item["spec"].get("parent") or {}).get("uid", "")
        children.setdefault(parent, []).append(item)
    found: list[PendingApproval] = []
    above = [execution["metadata"]["uid"]]
    while above:
        for child in children.pop(above.pop(), ()):
            found += pending_of(child, None)
            above.append(child["metadata"]["uid"])
    return found
