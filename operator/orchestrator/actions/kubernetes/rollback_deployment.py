"""rollback-deployment: roll a Deployment back, and wait until the earlier revision runs.

One action rather than rollout-undo and rollout-status in turn: what its retry repeats is the wait,
and its outputs say what runs now.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.actions.action import Action, Context, Family, Outputs, Right
from orchestrator.actions.cluster import classify
from orchestrator.actions.kubernetes.images import images_of
from orchestrator.actions.kubernetes.rollout_undo import roll_back
from orchestrator.actions.kubernetes.rollouts import (
    DEFAULT_FAILURE_TIMEOUT,
    POD_RIGHTS,
    Wait,
    wait_for_rollout,
)
from orchestrator.actions.kubernetes.targets import InNamespace, Name
from orchestrator.actions.kubernetes.workloads import WorkloadKind, revision
from orchestrator.kube.resources import DEPLOYMENTS, REPLICA_SETS
from orchestrator.models.base import Duration


class RollbackDeployment(InNamespace):
    """Parameters of rollback-deployment."""

    name: Annotated[Name, Field(min_length=1)]
    """Name of the Deployment."""
    to_revision: Annotated[int, Field(ge=1)] | None = None
    """The revision to return to; the previous one if absent."""
    timeout: Duration = "5m"
    """Maximum time to wait until the earlier revision is rolled out."""
    pod_failure_timeout: Duration = DEFAULT_FAILURE_TIMEOUT
    """How long pods may fail for the same reason (image pull, crash, quota) before the rollback
    fails."""


class DeploymentRolledBack(Outputs):
    """Outputs of rollback-deployment."""

    bulky = ("images",)

    from_revision: int
    """The revision that was rolled back."""
    to_revision: int
    """The revision whose pod template was restored."""
    revision: int | None = None
    """The Deployment's new revision."""
    images: dict[str, str] = {}
    """Image by container that runs now."""
    ready: int
    """Number of ready pods."""
    changed: bool
    """Whether the pod template was changed; false if it was already that of the revision."""
    repeated: bool = False
    """Whether an earlier attempt had already rolled it back; this one waited."""
    duration_seconds: int
    """Time waited, in seconds."""
    truncated: bool = False
    """Whether an output was truncated."""


def rollback_deployment(parameters: RollbackDeployment, context: Context) -> DeploymentRolledBack:
    """Rolls a Deployment back to its previous revision or to a given one, and waits until that is
    rolled out."""
    cluster, namespace = context.cluster(), parameters.in_namespace(context)
    undone = roll_back(cluster, context, namespace, parameters.name, parameters.to_revision)
    wait = Wait(
        WorkloadKind.DEPLOYMENT,
        namespace,
        parameters.name,
        parameters.timeout,
        parameters.pod_failure_timeout,
    )
    deployment, waited = wait_for_rollout(cluster, context, wait)
    return DeploymentRolledBack(
        from_revision=undone.from_revision,
        to_revision=undone.to_revision,
        revision=revision(deployment),
        images=images_of(deployment),
        ready=deployment.get("status", {}).get("readyReplicas", 0),
        changed=undone.changed,
        repeated=undone.repeated,
        duration_seconds=waited,
    )


ACTION = Action(
    name="rollback-deployment",
    title="Roll back a Deployment and wait",
    category="kubernetes",
    icon="undo",
    parameters=RollbackDeployment,
    outputs=DeploymentRolledBack,
    run=rollback_deployment,
    retries=(
        "Retried: a rollout that is not complete within the timeout, a Deployment that is being "
        "changed, no response, throttling, failures of the API server. Not retried: a Deployment "
        "that does not exist or is paused, a revision that does not exist, an exceeded progress "
        "deadline, pods that keep failing, missing permissions. An annotation of the Deployment "
        "records the rollback, so that a retry waits on and does not roll back twice."
    ),
    classify=classify,
    rights=(
        Right(
            DEPLOYMENTS,
            {
                "get": "read the current revision and the progress of the rollout",
                "patch": "restore the pod template of an earlier revision",
            },
        ),
        Right(REPLICA_SETS, {"list": "find the revisions"}),
        POD_RIGHTS[1],
    ),
    family=Family.ROLLOUTS,
    example="""
        nodes:
        - name: deploy
          action: set-image
          with: {name: web, images: {main: "registry.example/web:1.1"}}
        - name: check
          action: http-request
          with: {url: "http://web/healthz"}
        - name: rollback
          action: rollback-deployment
          with: {name: web, timeout: 5m}
        edges:
        - {from: deploy, to: check}
        - {from: check, to: rollback, outcome: Failed}
    """,
)
