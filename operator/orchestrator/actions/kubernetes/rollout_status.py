"""rollout-status: wait until a workload is rolled out."""

from __future__ import annotations

from orchestrator.actions.action import Action, ActionError, Context, Outputs, Right
from orchestrator.actions.cluster import Object, classify
from orchestrator.actions.kubernetes.targets import OnWorkload
from orchestrator.actions.kubernetes.workloads import RESOURCES, revision, rollout
from orchestrator.models.base import Duration, parse_duration

MIN_POLL, MAX_POLL = 0.25, 1.0
"""Seconds between two reads: a tenth of the time waited, within these bounds."""


class RolloutStatus(OnWorkload):
    """Parameters of rollout-status."""

    timeout: Duration = "5m"
    """Maximum time to wait."""


class RolledOut(Outputs):
    """Outputs of rollout-status."""

    message: str
    """State of the rollout, in words."""
    replicas: int
    """Number of pods wanted."""
    ready: int
    """Number of pods that are ready."""
    revision: int | None = None
    """The revision rolled out, of a Deployment."""
    duration_seconds: int
    """Seconds waited."""


def rollout_status(parameters: RolloutStatus, context: Context) -> RolledOut:
    """Waits until a workload is rolled out, by the rules of kubectl rollout status."""
    cluster, resource = context.cluster(), RESOURCES[parameters.kind]
    namespace, shown = parameters.in_namespace(context), parameters.described(context)
    started = context.clock.monotonic()
    last = ""
    while True:
        workload = cluster.get(resource, namespace, parameters.name)
        state = rollout(parameters.kind, workload)
        if state.message != last:
            context.log(f"{shown}: {state.message}")
            last = state.message
        waited = context.clock.monotonic() - started
        if state.done:
            return _rolled_out(workload, state.message, round(waited))
        if state.failed:
            raise ActionError(f"{shown}: {state.message}", permanent=True)
        if waited >= parse_duration(parameters.timeout):
            raise ActionError(f"{shown} is not rolled out after {waited:.0f} s: {state.message}")
        context.clock.sleep(min(max(MIN_POLL, waited / 10), MAX_POLL))


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
        "Worth a retry: a rollout that is not done within the timeout, no answer, failures of the "
        "API server. Never: a workload that is not there, an exceeded progress deadline, missing "
        "permissions. It only reads."
    ),
    classify=classify,
    rights=tuple(Right(resource, ("get",)) for resource in RESOURCES.values()),
    example="""
        nodes:
        - name: wait
          action: rollout-status
          with: {name: web, timeout: 10m}
    """,
)
