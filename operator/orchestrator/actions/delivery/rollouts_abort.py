"""rollouts-abort: abort an update of a Rollout of Argo Rollouts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.actions.action import Action, ActionError, Context, Family, Outputs, Right
from orchestrator.actions.cluster import classify
from orchestrator.actions.kubernetes.targets import InNamespace, Name
from orchestrator.kube.resources import ROLLOUTS


class RolloutsAbort(InNamespace):
    """Parameters of rollouts-abort."""

    name: Annotated[Name, Field(min_length=1)]
    """Name of the Rollout."""


class Aborted(Outputs):
    """Outputs of rollouts-abort."""

    step: int | None = None
    """Index of the canary step at which it was aborted, from 0."""
    stable: str = ""
    """Hash of the stable ReplicaSet, to which the traffic returns."""
    repeated: bool = False
    """Whether the Rollout was aborted already."""


def rollouts_abort(parameters: RolloutsAbort, context: Context) -> Aborted:
    """Aborts the update of a Rollout of Argo Rollouts, as kubectl argo rollouts abort does: the
    stable version serves again. The spec keeps the new version."""
    cluster, namespace = context.cluster(), parameters.in_namespace(context)
    shown = f"Rollout {namespace}/{parameters.name}"
    rollout = cluster.get(ROLLOUTS, namespace, parameters.name)
    status = rollout.get("status") or {}
    repeated = bool(status.get("abort"))
    if not repeated and status.get("currentPodHash") == status.get("stableRS"):
        raise ActionError(f"{shown} has no update in progress to abort", permanent=True)
    if not repeated:
        guard = {"resourceVersion": rollout["metadata"]["resourceVersion"]}
        patch = {"metadata": guard, "status": {"abort": True}}
        cluster.merge(ROLLOUTS, namespace, parameters.name, patch, "status")
    context.log(f"{shown} {'was aborted already' if repeated else 'is aborted'}")
    return Aborted(
        step=status.get("currentStepIndex"), stable=status.get("stableRS", ""), repeated=repeated
    )


ACTION = Action(
    name="rollouts-abort",
    title="Abort a Rollout",
    category="delivery",
    icon="x-circle",
    parameters=RolloutsAbort,
    outputs=Aborted,
    run=rollouts_abort,
    retries=(
        "Retried: no response, throttling, conflicts, failures of the API server. Not retried: a "
        "Rollout without an update in progress, or that does not exist, missing permissions. A "
        "Rollout that is aborted stays as it is."
    ),
    classify=classify,
    rights=(
        Right(ROLLOUTS, {"get": "read whether an update is in progress"}),
        Right(ROLLOUTS, {"patch": "abort the update"}, subresource="status"),
    ),
    family=Family.ROLLOUTS,
    example="""
        nodes:
        - name: promote
          action: rollouts-promote
          with: {name: shop}
        - name: abort
          action: rollouts-abort
          with: {name: shop}
        edges:
        - {from: promote, to: abort, outcome: Failed}
    """,
)
