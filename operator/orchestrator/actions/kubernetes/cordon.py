"""cordon: keep new pods from being scheduled to a node."""

from __future__ import annotations

from orchestrator.actions.action import Action, Context, Family
from orchestrator.actions.cluster import classify
from orchestrator.actions.kubernetes.nodes import NODE_RIGHTS, RETRIES, NodeMarked, OnNode, mark


class Cordon(OnNode):
    """Parameters of cordon."""


def cordon(parameters: Cordon, context: Context) -> NodeMarked:
    """Keeps new pods from being scheduled to a node, as kubectl cordon does. The pods
    on it stay."""
    changed = mark(context.cluster(), context, parameters.node, unschedulable=True)
    return NodeMarked(changed=changed, unschedulable=True)


ACTION = Action(
    name="cordon",
    title="Cordon a node",
    category="kubernetes",
    icon="lock",
    parameters=Cordon,
    outputs=NodeMarked,
    run=cordon,
    retries=RETRIES,
    classify=classify,
    rights=(NODE_RIGHTS,),
    family=Family.NODES,
    example="""
        variables:
        - {name: node, type: string, required: true}
        nodes:
        - name: cordon
          action: cordon
          with: {node: "$[[ vars.node ]]"}
    """,
)
