"""`watch`."""

from __future__ import annotations

from orchestrator.cli.connection import Target
from orchestrator.cli.options import Executions, on_cluster
from orchestrator.cli.watching import watch_executions


@on_cluster
def command(target: Target, executions: Executions) -> int:
    """On a terminal, shows each execution as a live tree; otherwise prints a line for each change.

    Exit code: 0 if all Succeeded, otherwise that of the first that did not: 1 Failed, 3 TimedOut,
    4 Cancelled. 130: interrupted; the executions continue.

    \b
    Examples:
      orchestrator watch @latest
      orchestrator watch restart-x7k2p deploy-b2c4d
    """
    return watch_executions(target, executions)
