"""Nodes: their parameters and rights, and whether they accept new pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from orchestrator.actions.action import Context, Outputs, Parameters, Right
from orchestrator.actions.cluster import Object, guarded
from orchestrator.actions.kubernetes.targets import Name
from orchestrator.kube.resources import NODES

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

NODE_RIGHTS = Right(
    NODES,
    {
        "get": "read whether the node accepts new pods",
        "patch": "set whether the node accepts new pods",
    },
)
RETRIES = (
    "Retried: no response, throttling, failures of the API server. Not retried: a node that does "
    "not exist, missing permissions. A retry changes nothing that is already so; it then reports "
    "changed as false."
)


class OnNode(Parameters):
    """A node."""

    node: Annotated[Name, Field(min_length=1)]
    """Name of the node."""


class NodeMarked(Outputs):
    """Outputs of cordon and uncordon."""

    changed: bool
    """Whether the node was changed; false if it was already so."""
    unschedulable: bool
    """Whether the node accepts no new pods."""


def mark(cluster: BlockingClient, context: Context, node: str, *, unschedulable: bool) -> bool:
    """Set whether a node accepts new pods; whether that was a change."""

    def patch(found: Object) -> Object | None:
        if bool(found["spec"].get("unschedulable")) == unschedulable:
            return None
        return {"spec": {"unschedulable": True if unschedulable else None}}

    _, written = guarded(cluster, NODES, "", node, patch)
    state = "cordoned" if unschedulable else "uncordoned"
    context.log(f"node {node} is {'' if written else 'already '}{state}")
    return written
