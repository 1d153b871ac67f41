"""What must hold where a webhook of others refuses creations."""

from __future__ import annotations

from typing import Any

from orchestrator.jobs.names import job_name
from orchestrator.models.reasons import Reason
from tests.simulation.store import Store
from tests.simulation.views import Raw


def made_though_refused(store: Store, execution: Raw, node: str, record: Raw) -> Any:
    """What an attempt made of which the record says that it was refused; None as it should be.

    With two operators at once one may be refused what the other is given.
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
