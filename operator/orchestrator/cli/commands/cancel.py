"""`cancel`."""

from __future__ import annotations

from orchestrator.cli.connection import Target
from orchestrator.cli.controlling import request_state
from orchestrator.cli.options import Execution, Wait, on_cluster


@on_cluster
def command(target: Target, execution: Execution, wait: Wait = False) -> int:
    """Requires the verb control on workflowexecutions, and cannot be undone."""
    return request_state(target, execution, "Cancelled", wait=wait)
