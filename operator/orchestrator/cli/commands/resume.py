"""`resume`."""

from __future__ import annotations

from orchestrator.cli.connection import Target
from orchestrator.cli.controlling import desire
from orchestrator.cli.options import Execution, on_cluster


@on_cluster
def command(target: Target, execution: Execution) -> int:
    """It takes the verb control on workflowexecutions."""
    return desire(target, execution, "Running")
