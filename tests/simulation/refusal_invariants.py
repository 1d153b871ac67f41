"""Invariants of creations that a third-party webhook refuses."""

from __future__ import annotations

from typing import Any

from orchestrator.jobs.names import job_name
from orchestrator.models.reasons import Reason
from tests.simulation.store import Store
from tests.simulation.views import Raw


def created_though_refused(store: Store, execution: Raw, node: str, record: Raw) -> Any:
    """The object of an attempt whose record says that its creation was refused; None if it holds.

    With two operators at once, the creation of one may be refused and that of the other accepted.
    """
    if record.get("reason") not in (Reason.JOB_REFUSED, Reason.SUB_WORKFLOW_REFUSED):
        return None
    metadata = execution["metadata"]
    workflow, attempt = execution["spec"]["workflow"], record["attempts"]
    name = job_name(workflow, node, metadata["uid"], attempt)
    for plural in ("jobs", "workflowexecutions"):
        if (plural, metadata["namespace"], name) in store.objects:
            return f"{plural} {name}"
    return None
