"""rollout-history: what the newest revision of a Deployment changed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.actions.action import Action, ActionError, Context, Family, Outputs, Right
from orchestrator.actions.cluster import Object, classify
from orchestrator.actions.kubernetes.images import images_of
from orchestrator.actions.kubernetes.rollout_undo import history_of
from orchestrator.actions.kubernetes.targets import InNamespace, Name
from orchestrator.actions.kubernetes.workloads import observed_deployment, revision
from orchestrator.kube.resources import DEPLOYMENTS, REPLICA_SETS


class RolloutHistory(InNamespace):
    """Parameters of rollout-history."""

    name: Annotated[Name, Field(min_length=1)]
    """Name of the Deployment."""


class History(Outputs):
    """Outputs of rollout-history."""

    bulky = ("revisions", "previous_images")

    revision: int
    """The newest revision."""
    previous_revision: int | None = None
    """The revision before it that is kept; none for a Deployment that was never changed."""
    images_changed: bool
    """Whether the images of the two differ; false without a previous revision."""
    images: dict[str, str]
    """Image by container of the newest revision, init containers included."""
    previous_images: dict[str, str] = {}
    """Image by container of the previous revision."""
    changed_at: str
    """When the newest revision was created first (RFC 3339)."""
    revisions: list[int]
    """All revisions that are kept, oldest first."""
    truncated: bool = False
    """Whether an output was truncated."""


def rollout_history(parameters: RolloutHistory, context: Context) -> History:
    """Reads the revisions of a Deployment, and which images the newest one changed."""
    cluster, namespace = context.cluster(), parameters.in_namespace(context)
    shown = f"Deployment {namespace}/{parameters.name}"
    deployment = observed_deployment(cluster, namespace, parameters.name, context.clock)
    history = history_of(cluster, namespace, deployment)
    newest = revision(deployment)
    if newest is None or newest not in history:
        raise ActionError(f"the controller of {shown} has not observed its newest spec")
    found = _compared(history, newest)
    words = "changed the images" if found.images_changed else "left the images as they were"
    since = "is the only one" if found.previous_revision is None else words
    context.log(f"{shown}: revision {newest} {since}")
    return found


def _compared(history: dict[int, Object], newest: int) -> History:
    earlier = [number for number in history if number < newest]
    previous = max(earlier) if earlier else None
    images = images_of(history[newest])
    before = images_of(history[previous]) if previous is not None else {}
    return History(
        revision=newest,
        previous_revision=previous,
        images_changed=previous is not None and images != before,
        images=images,
        previous_images=before,
        changed_at=history[newest]["metadata"].get("creationTimestamp", ""),
        revisions=sorted(history),
    )


ACTION = Action(
    name="rollout-history",
    title="Read what a rollout changed",
    category="kubernetes",
    icon="history",
    parameters=RolloutHistory,
    outputs=History,
    run=rollout_history,
    retries=(
        "Retried: a Deployment that is being changed, no response, throttling, failures of the "
        "API server. Not retried: a Deployment that does not exist, missing permissions. It only "
        "reads."
    ),
    classify=classify,
    rights=(
        Right(DEPLOYMENTS, {"get": "read the current revision"}),
        Right(REPLICA_SETS, {"list": "find the revisions"}),
    ),
    family=Family.ROLLOUTS,
    example="""
        nodes:
        - name: history
          action: rollout-history
          with: {name: web}
        - name: changed
          condition: nodes.history.outputs.imagesChanged
        - name: undo
          action: rollout-undo
          with: {name: web}
        edges:
        - {from: history, to: changed}
        - {from: changed, to: undo}
    """,
)
