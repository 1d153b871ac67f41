"""rollout-status: wait until the rollout of a workload is complete."""

from __future__ import annotations

from orchestrator.actions.action import Action, Context, Family, Outputs, Right
from orchestrator.actions.cluster import Object, classify
from orchestrator.actions.kubernetes.rollouts import Wait, wait_for_rollout
from orchestrator.actions.kubernetes.targets import OnWorkload
from orchestrator.actions.kubernetes.workloads import RESOURCES, revision, rollout
from orchestrator.models.base import Duration


class RolloutStatus(OnWorkload):
    """Parameters of rollout-status."""

    timeout: Duration = "5m"
    """Maximum time to wait."""


class RolledOut(Outputs):
    """Outputs of rollout-status."""

    message: str
    """State of the rollout."""
    replicas: int
    """Number of desired pods."""
    ready: int
    """Number of ready pods."""
    revision: int | None = None
    """The revision (Deployments only)."""
    duration_seconds: int
    """Time waited, in seconds."""


def rollout_status(parameters: RolloutStatus, context: Context) -> RolledOut:
    """Waits until the rollout of a workload is complete, by the rules of kubectl rollout status."""
    wait = Wait(
        parameters.kind, parameters.in_namespace(context), parameters.name, parameters.timeout
    )
    workload, waited = wait_for_rollout(context.cluster(), context, wait)
    return _rolled_out(workload, rollout(parameters.kind, workload).message, waited)


def _rolled_out(workload: Object, message: str, seconds: int) -> RolledOut:
    status = workload.get("status", {})
    return RolledOut(
        message=message,
        replicas=status.get("replicas", status.get("desiredNumberScheduled", 0)),
        ready=status.get("readyReplicas", status.get("numberReady", 0)),
        revision=revision(workload),
        duration_seconds=seconds,
    )


ACTION = Action(
    name="rollout-status",
    title="Wait for a rollout",
    category="kubernetes",
    icon="check",
    parameters=RolloutStatus,
    outputs=RolledOut,
    run=rollout_status,
    retries=(
        "Retried: a rollout that is not complete within the timeout, no response, failures of the "
        "API server. Not retried: a workload that does not exist, an exceeded progress deadline, "
        "missing permissions. It only reads."
    ),
    classify=classify,
    rights=tuple(
        Right(resource, {"get": "read the progress of the rollout"})
        for resource in RESOURCES.values()
    ),
    family=Family.ROLLOUTS,
    example="""
        nodes:
        - name: wait
          action: rollout-status
          with: {name: web, timeout: 10m}
    """,
)
