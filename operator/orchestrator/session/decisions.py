"""Writes decisions on approvals while others write theirs."""

from __future__ import annotations

from typing import Any

from orchestrator.kube.resources import EXECUTIONS
from orchestrator.operations.entries import decision_of
from orchestrator.operations.writes import Edit
from orchestrator.session.cluster import Cluster, Raw
from orchestrator.session.errors import UsageError

_ATTEMPTS = 10
"""Attempts to replace a decision while others write."""


def write_decision(cluster: Cluster, execution: Raw, entry: dict[str, Any]) -> str:
    """Write a decision; returns the same user's earlier decision if it was replaced, or empty."""
    name = execution["metadata"]["name"]
    for _ in range(_ATTEMPTS):
        write, replaced = decision_of(execution, entry)
        try:
            cluster.send(write)
        except UsageError:
            newer = cluster.get(EXECUTIONS, name) if isinstance(write, Edit) else execution
            if newer["metadata"]["resourceVersion"] == execution["metadata"]["resourceVersion"]:
                raise
            execution = newer  # changed in the meantime; the guard of the write detects it
        else:
            return replaced
    raise UsageError("the execution kept changing; try again")
