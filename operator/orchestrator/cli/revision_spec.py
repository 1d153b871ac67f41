"""Reads the workflow that an execution runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.cli.connection import Cluster, Raw
from orchestrator.cli.errors import UsageError
from orchestrator.kube.resources import CONTROLLER_REVISIONS, WORKFLOWS


def read_workflow(cluster: Cluster, execution: Raw) -> Mapping[str, Any]:
    """The spec that an execution runs: from its revision, otherwise from the current Workflow.

    Empty if the user may read neither: permission to see executions does not include their specs.
    """
    revision = (execution.get("status") or {}).get("revision")
    try:
        frozen = cluster.find(CONTROLLER_REVISIONS, revision) if revision else None
        if frozen is not None:
            workflow: Mapping[str, Any] = frozen["data"]["workflow"]
            return workflow
    except UsageError:
        pass
    try:
        found = cluster.find(WORKFLOWS, execution["spec"]["workflow"])
    except UsageError:
        return {}
    return found["spec"] if found else {}
