"""What an execution runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.cli.connection import Cluster, Raw
from orchestrator.cli.errors import UsageError
from orchestrator.kube.resources import CONTROLLER_REVISIONS, WORKFLOWS


def read_workflow(cluster: Cluster, execution: Raw) -> Mapping[str, Any]:
    """The spec that an execution runs: from its revision, otherwise from the Workflow as it is.

    Empty for who may read neither: a right to see executions is none to see what they run.
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
