"""`approve`, `reject` and `signal`: what people tell an execution that waits.

Each entry is written by server-side apply under a field manager of its own, so that two people who
decide at once never overwrite each other. Who decides is what the API server says of the user.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from orchestrator.cli.connection import Cluster, Raw, Target
from orchestrator.cli.errors import UsageError
from orchestrator.cli.kinds import EXECUTIONS
from orchestrator.cli.tree import EXIT_CODES
from orchestrator.models.base import API_VERSION

MOST_PAYLOAD = 4096
"""Bytes of a signal's payload."""
MOST_GROUPS = 64
_APPROVALS = ("AwaitingApproval", "ApprovalsUnprotected")


def decide(
    target: Target,
    name: str,
    node: str | None,
    decision: str,
    comment: str,
    inputs: list[str],
) -> int:
    """Decide on an approval in the user's own name."""
    cluster = target.connect()
    execution = cluster.get(EXECUTIONS, name)
    node = _approval(execution, node)
    user = _user(cluster)
    entry: Raw = {"node": node, "by": user, "decision": decision}
    if groups := cluster.groups:
        entry["groups"] = groups[:MOST_GROUPS]
    if comment:
        entry["comment"] = comment
    if inputs:
        entry["inputs"] = _inputs(inputs)
    _add(cluster, execution, "decisions", entry, f"decision-{node}-{user}")
    print(f"workflowexecution/{name}: {user} {_PAST[decision]} {node}")
    return 0


_PAST = {"Approve": "approved", "Reject": "rejected"}


def send_signal(
    target: Target, name: str, signal: str, payload: str | None, identity: str | None
) -> int:
    """Send a signal in the user's own name."""
    cluster = target.connect()
    execution = cluster.get(EXECUTIONS, name)
    _check_runs(execution)
    identity = identity or uuid.uuid4().hex[:16]
    entry: Raw = {"id": identity, "name": signal, "by": _user(cluster)}
    if payload is not None:
        entry["payload"] = _payload(payload)
    _add(cluster, execution, "signals", entry, f"signal-{identity}")
    print(f"workflowexecution/{name}: sent {signal} as {identity}")
    return 0


def _approval(execution: Raw, node: str | None) -> str:
    """The approval that is meant, which must wait."""
    _check_runs(execution)
    name = execution["metadata"]["name"]
    records = (execution.get("status") or {}).get("nodes") or {}
    waiting = sorted(
        node
        for node, record in records.items()
        if record["phase"] == "Waiting" and record.get("reason") in _APPROVALS
    )
    if node is None:
        if len(waiting) == 1:
            return str(waiting[0])
        which = f"several approvals of {name} wait: say which of {', '.join(waiting)}"
        raise UsageError(which if waiting else f"no approval of {name} waits")
    if node not in waiting:
        phase = records.get(node, {}).get("phase", "not started")
        known = f"; what waits is {', '.join(waiting)}" if waiting else "; no approval does"
        raise UsageError(f"{node} of {name} does not wait for a decision ({phase}){known}")
    return node


def _check_runs(execution: Raw) -> None:
    phase = (execution.get("status") or {}).get("phase", "")
    if phase in EXIT_CODES:
        raise UsageError(f"{execution['metadata']['name']} has already ended: {phase}")


def _user(cluster: Cluster) -> str:
    if not cluster.user:
        raise UsageError("the API server does not say who you are, so you cannot decide")
    return cluster.user


def _add(cluster: Cluster, execution: Raw, field: str, entry: Raw, manager: str) -> None:
    body = {
        "apiVersion": API_VERSION,
        "kind": "WorkflowExecution",
        "metadata": {
            "name": execution["metadata"]["name"],
            "uid": execution["metadata"]["uid"],
        },
        "spec": {field: [entry]},
    }
    if len(manager) > 128:
        manager = f"{manager[:90]}-{hashlib.sha256(manager.encode()).hexdigest()[:32]}"
    cluster.apply(EXECUTIONS, body, {"fieldManager": manager, "force": "true"})


def _inputs(assignments: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise UsageError(f"--input {assignment}: write NAME=VALUE")
        try:
            values[name] = json.loads(text)
        except (ValueError, RecursionError):
            values[name] = text
    return values


def _payload(text: str) -> Raw:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UsageError("""--payload: write a JSON object such as '{"ready": true}'""")
    if len(text.encode()) > MOST_PAYLOAD:
        raise UsageError(f"--payload: at most {MOST_PAYLOAD} bytes, not {len(text.encode())}")
    return value
