"""`explain`."""

from __future__ import annotations

from orchestrator.cli.connection import Target
from orchestrator.cli.explaining import explain
from orchestrator.cli.options import Execution, Node, Output, on_cluster


@on_cluster
def command(
    target: Target,
    execution: Execution,
    node: Node = None,
    output: Output = None,
) -> int:
    """Each sentence names the edge, condition or event that caused the state.

    \b
    Examples:
      orchestrator explain restart-x7k2p
      orchestrator explain restart-x7k2p confirm
    """
    return explain(target, execution, node, output)
