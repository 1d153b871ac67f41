"""`terminate`."""

from __future__ import annotations

from orchestrator.cli.connection import Target
from orchestrator.cli.controlling import desire
from orchestrator.cli.options import Execution, Wait, on_cluster


@on_cluster
def command(target: Target, execution: Execution, wait: Wait = False) -> int:
    """It takes the verb control on workflowexecutions, and cannot be undone."""
    return desire(target, execution, "Terminated", wait=wait)
