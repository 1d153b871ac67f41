"""`pause`."""

from __future__ import annotations

from orchestrator.cli.connection import Target
from orchestrator.cli.controlling import request_state
from orchestrator.cli.options import Execution, on_cluster


@on_cluster
def command(target: Target, execution: Execution) -> int:
    """Requires the verb control on workflowexecutions."""
    return request_state(target, execution, "Paused")
