"""uncordon: let new pods be scheduled to a node again."""

from __future__ import annotations

from orchestrator.actions.action import Action, Context, Family
from orchestrator.actions.cluster import classify
from orchestrator.actions.kubernetes.nodes import NODE_RIGHTS, RETRIES, NodeMarked, OnNode, mark


class Uncordon(OnNode):
    """Parameters of uncordon."""


def uncordon(parameters: Uncordon, context: Context) -> NodeMarked:
    """Lets new pods be scheduled to a node again, as kubectl uncordon does."""
    changed = mark(context.cluster(), context, parameters.node, unschedulable=False)
    return NodeMarked(changed=changed, unschedulable=False)


ACTION = Action(
    name="uncordon",
    title="Uncordon a node",
    category="kubernetes",
    icon="unlock",
    parameters=Uncordon,
    outputs=NodeMarked,
    run=uncordon,
    retries=RETRIES,
    classify=classify,
    rights=(NODE_RIGHTS,),
    family=Family.NODES,
    example="""
        variables:
        - {name: node, type: string, required: true}
        nodes:
        - name: uncordon
          action: uncordon
          with: {node: "$[[ vars.node ]]"}
    """,
)
