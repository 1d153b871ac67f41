"""`approve`, `reject` and `signal`: what people tell an execution that waits.

Each entry is written by server-side apply under a field manager of its own, so that two people who
decide at once never overwrite each other. Who decides is what the API server says of the user.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import NoReturn

from orchestrator.cli.approval_inputs import fields_of, read_inputs
from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.entries import add_entry, write_decision
from orchestrator.cli.errors import UsageError
from orchestrator.cli.kinds import EXECUTIONS
from orchestrator.cli.pending_approvals import (
    Asked,
    asked_of,
    inside,
    load_graph,
    pending,
    waiting_records,
)
from orchestrator.cli.permission import require
from orchestrator.cli.prompting import check_eligible, check_inputs_count, complete
from orchestrator.cli.terminal import say
from orchestrator.cli.tree import EXIT_CODES
from orchestrator.engine.graph import Graph
from orchestrator.models.nearest import did_you_mean
from orchestrator.models.reasons import Reason

MAX_PAYLOAD = 4096
"""Bytes of a signal's payload."""
MAX_GROUPS = 64
"""Groups that a decision holds at most."""


def decide(
    target: Target,
    name: str,
    node: str | None,
    decision: str,
    comment: str,
    given: list[str],
) -> int:
    """Decide on an approval in the user's own name; refuses beforehand what would not count."""
    cluster = target.connect()
    require(cluster, "approve")
    execution = cluster.get(EXECUTIONS, name)
    name = execution["metadata"]["name"]
    graph = load_graph(cluster, execution)
    node = _approval(cluster, execution, graph, node)
    asked = None if graph is None else asked_of(execution, graph, node)
    user = _user(cluster)
    entry: Raw = {"node": node, "by": user, "decision": decision}
    if groups := _groups(cluster, asked):
        entry["groups"] = groups
    if comment:
        entry["comment"] = comment
    fields = fields_of(asked.approval.inputs) if asked is not None else []
    if asked is not None:
        check_eligible(asked, entry)
    inputs = read_inputs(fields, given)
    if asked is not None and decision == "Approve":
        inputs = complete(pending(execution, node, asked), fields, inputs)
    if inputs:
        entry["inputs"] = inputs
    if asked is not None:
        check_inputs_count(asked, entry, fields)
    entry["at"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    replaced = write_decision(cluster, execution, entry)
    earlier = f", in place of {replaced}" if replaced else ""
    say(f"workflowexecution/{name}: {user} {_PAST[decision]} {node}{earlier}")
    return 0


_PAST = {"Approve": "approved", "Reject": "rejected"}


def send_signal(
    target: Target, name: str, signal: str, payload: str | None, identity: str | None
) -> int:
    """Send a signal in the user's own name."""
    cluster = target.connect()
    execution = cluster.get(EXECUTIONS, name)
    name = execution["metadata"]["name"]
    _check_runs(execution)
    _check_signals_count(execution)
    identity = identity or uuid.uuid4().hex[:16]
    entry: Raw = {"id": identity, "name": signal, "by": _user(cluster)}
    if payload is not None:
        entry["payload"] = _payload(payload)
    add_entry(cluster, execution, "signals", entry, f"signal-{identity}")
    say(f"workflowexecution/{name}: sent {signal} as {identity}")
    return 0


def _groups(cluster: Cluster, asked: Asked | None) -> list[str]:
    """The user's groups that make them eligible; any of theirs where nothing says which do."""
    if asked is None:
        return cluster.groups[:MAX_GROUPS]
    return [group for group in cluster.groups if f"group:{group}" in asked.approval.approvers]


def _approval(cluster: Cluster, execution: Raw, graph: Graph | None, node: str | None) -> str:
    """The approval that is meant, which must wait for decisions that count."""
    _check_runs(execution)
    name = execution["metadata"]["name"]
    waiting = waiting_records(execution)
    which = ", ".join(sorted(waiting))
    if node is None:
        if not waiting:
            raise UsageError(f"no approval of {name} waits{_elsewhere(cluster, execution)}")
        if len(waiting) > 1:
            raise UsageError(f"several approvals of {name} wait: say which of {which}")
        node = next(iter(waiting))
    if node not in waiting:
        _refuse_node(execution, graph, node, which)
    if waiting[node]["reason"] == Reason.APPROVALS_UNPROTECTED:
        raise UsageError(
            f"{node} of {name} waits, but no decision counts now: {waiting[node]['message']}"
        )
    return node


def _refuse_node(execution: Raw, graph: Graph | None, node: str, waiting: str) -> NoReturn:
    name = execution["metadata"]["name"]
    records = (execution.get("status") or {}).get("nodes") or {}
    known = f"; what waits is {waiting}" if waiting else "; no approval does"
    if graph is not None and node not in graph.nodes:
        hint = did_you_mean(node, graph.nodes) or known
        raise UsageError(f"{name} has no node {node}{hint}")
    record = records.get(node, {})
    state = record.get("phase", "not started")
    if record.get("reason"):
        state += f", {record['reason']}"
    raise UsageError(f"{node} of {name} does not wait for a decision ({state}){known}")


def _elsewhere(cluster: Cluster, execution: Raw) -> str:
    """What waits in sub-executions instead, with what to type."""
    found = inside(cluster, execution)
    if not found:
        return ""
    return "; in its sub-executions waits\n" + "\n".join(f"  {one.command}" for one in found)


def _check_runs(execution: Raw) -> None:
    phase = (execution.get("status") or {}).get("phase", "")
    if phase in EXIT_CODES:
        raise UsageError(f"{execution['metadata']['name']} has already ended: {phase}")


def _check_signals_count(execution: Raw) -> None:
    records = (execution.get("status") or {}).get("nodes") or {}
    for node, record in records.items():
        if record.get("reason") == Reason.SIGNALS_UNPROTECTED:
            raise UsageError(
                f"{node} of {execution['metadata']['name']} waits, but {record['message']}"
            )


def _user(cluster: Cluster) -> str:
    if not cluster.user:
        raise UsageError("the API server does not say who you are, so you cannot decide")
    return cluster.user


def _payload(text: str) -> Raw:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UsageError("""--payload: write a JSON object such as '{"ready": true}'""")
    if len(text.encode()) > MAX_PAYLOAD:
        raise UsageError(f"--payload: at most {MAX_PAYLOAD} bytes, not {len(text.encode())}")
    return value
