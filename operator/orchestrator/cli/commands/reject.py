"""`reject`."""

from __future__ import annotations

from orchestrator.cli.connection import Target
from orchestrator.cli.deciding import decide
from orchestrator.cli.decision_options import Approval, Comment, Inputs
from orchestrator.cli.options import Execution, on_cluster


@on_cluster
def command(
    target: Target,
    execution: Execution,
    node: Approval = None,
    comment: Comment = "",
    given: Inputs = None,
) -> int:
    """Records the decision in your own name. Until the approval ends, you can change your decision.

    \b
    Examples:
      orchestrator reject restart-x7k2p --comment "not during the sale"
    """
    return decide(target, execution, node, "Reject", comment, given or [])
