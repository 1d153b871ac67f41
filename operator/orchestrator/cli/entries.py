"""Entries of `spec.decisions` and `spec.signals`, written beside those of others.

A first one is written by server-side apply under a field manager of its own, so that two people who
decide at once never overwrite each other. One that is there already is replaced as a whole by a
JSON Patch (RFC 6902) guarded by the version: an apply would keep what other clients put into it.
"""

from __future__ import annotations

import hashlib

from orchestrator.cli.connection import Cluster, Raw
from orchestrator.cli.errors import UsageError
from orchestrator.cli.kinds import EXECUTIONS
from orchestrator.models.base import API_VERSION

_ATTEMPTS = 10
"""Times that a replacement is tried while others write."""
MAX_MANAGER = 128
"""Bytes of a field manager's name."""


def write_decision(cluster: Cluster, execution: Raw, entry: Raw) -> str:
    """Write a decision, in place of an earlier one of the same person on the same node.

    What the earlier one was, or empty. Raises UsageError.
    """
    for _ in range(_ATTEMPTS):
        decisions = execution["spec"].get("decisions") or []
        index = next((at for at, old in enumerate(decisions) if _key(old) == _key(entry)), None)
        if index is None:
            manager = f"decision-{entry['node']}-{entry['by']}"
            add_entry(cluster, execution, "decisions", entry, manager)
            return ""
        if _replace(cluster, execution, index, entry):
            return str(decisions[index]["decision"])
        execution = cluster.get(EXECUTIONS, execution["metadata"]["name"])
    raise UsageError("others kept changing the execution meanwhile; try again")


def add_entry(cluster: Cluster, execution: Raw, field: str, entry: Raw, manager: str) -> None:
    """Add an entry to a list of the execution's spec. Raises UsageError."""
    metadata = {key: execution["metadata"][key] for key in ("name", "uid")}
    body = {
        "apiVersion": API_VERSION,
        "kind": "WorkflowExecution",
        "metadata": metadata,
        "spec": {field: [entry]},
    }
    if len(manager.encode()) > MAX_MANAGER:
        manager = f"{manager[:30]}-{hashlib.sha256(manager.encode()).hexdigest()[:32]}"
    cluster.apply(EXECUTIONS, body, {"fieldManager": manager, "force": "true"})


def _replace(cluster: Cluster, execution: Raw, index: int, entry: Raw) -> bool:
    """Replace a decision; False when the execution was changed meanwhile."""
    metadata = execution["metadata"]
    steps = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
        {"op": "replace", "path": f"/spec/decisions/{index}", "value": entry},
    ]
    try:
        cluster.edit(EXECUTIONS, metadata["name"], steps)
    except UsageError:
        newer = cluster.get(EXECUTIONS, metadata["name"])
        if newer["metadata"]["resourceVersion"] == metadata["resourceVersion"]:
            raise
        return False
    return True


def _key(entry: Raw) -> tuple[str, str]:
    return entry["node"], entry["by"]
