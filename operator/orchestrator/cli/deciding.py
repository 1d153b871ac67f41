"""`approve` and `reject`: a user's decision on a pending approval.

The decision carries the user name and groups that the API server reports.
"""

from __future__ import annotations

import time
from typing import Any

from orchestrator.cli.approval_inputs import read_inputs
from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.pending_approvals import inside, pending
from orchestrator.cli.prompting import complete
from orchestrator.cli.terminal import say
from orchestrator.engine.graph import Graph
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.operations.approvals import (
    ApprovalDetails,
    details_of,
    waiting_approval,
    waiting_records,
)
from orchestrator.operations.decide import APPROVE, REJECT, ApprovalDecision, Person, check_eligible
from orchestrator.operations.decide import decide as decide_on
from orchestrator.operations.errors import CommandError
from orchestrator.operations.executions import has_ended
from orchestrator.operations.inputs import fields_of, missing
from orchestrator.session.decisions import write_decision
from orchestrator.session.errors import UsageError, in_options
from orchestrator.session.permission import require
from orchestrator.session.revisions import load_graph

_PAST = {APPROVE: "approved", REJECT: "rejected"}


def decide(
    target: Target, name: str, node: str | None, decision: str, comment: str, given: list[str]
) -> int:
    """Decide on an approval in the user's own name; refuses a decision that would not count."""
    cluster = target.connect()
    require(cluster, "approve")
    execution = cluster.get(EXECUTIONS, name)
    graph = load_graph(cluster, execution)
    node = _approval(cluster, execution, graph, node)
    details = None if graph is None else details_of(execution, graph, node)
    person = Person(cluster.user, cluster.groups)
    with in_options():
        check_eligible(details, node, person)
    fields = fields_of(details.approval.inputs) if details is not None else []
    inputs = read_inputs(fields, given)
    if decision == APPROVE and details is not None:
        inputs = complete(node, fields, inputs)
    entry = _entry(execution, details, node, person, ApprovalDecision(decision, comment, inputs))
    replaced = write_decision(cluster, execution, entry)
    earlier = f", in place of {replaced}" if replaced else ""
    called = execution["metadata"]["name"]
    say(f"workflowexecution/{called}: {person.name} {_PAST[decision]} {node}{earlier}")
    return 0


def _approval(cluster: Cluster, execution: Raw, graph: Graph | None, node: str | None) -> str:
    """The approval to decide on. Raises UsageError; if none is pending, its message lists those of
    sub-executions."""
    try:
        return waiting_approval(execution, graph, node)
    except CommandError as error:
        below = []
        if node is None and not has_ended(execution) and not waiting_records(execution):
            below = inside(cluster, execution)
        lines = "".join(f"\n  {one.command}" for one in below)
        elsewhere = f"; waiting in its sub-executions:{lines}" if lines else ""
        raise UsageError(f"{error.words}{elsewhere}") from error


def _entry(
    execution: Raw,
    details: ApprovalDetails | None,
    node: str,
    person: Person,
    verdict: ApprovalDecision,
) -> dict[str, Any]:
    """The entry. Raises UsageError; if inputs are missing, its message contains the command to
    type."""
    try:
        return decide_on(details, node, person, verdict, now=time.time())
    except CommandError as error:
        fields = fields_of(details.approval.inputs) if details is not None else []
        lacking = verdict.decision == APPROVE and missing(fields, verdict.inputs)
        typed = f"\ntype\n  {pending(execution, node, details).command}" if lacking else ""
        raise UsageError(f"{error.words}{typed}") from error
