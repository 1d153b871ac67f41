"""Actions that change Kubernetes workloads, and wait for them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.actions.action import Action, ActionError, Context, Outputs, Parameters
from orchestrator.actions.cluster import classify
from orchestrator.actions.workloads import RESOURCES, WorkloadKind, observed, rollout
from orchestrator.kube.blocking import BlockingClient, Object
from orchestrator.models.base import Duration, parse_duration

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""The annotation of the pod template that `kubectl rollout restart` sets."""
RESTARTED_BY = "automation.itechsmart.dev/restarted-by"
"""Annotation of the workload: the idempotency key of its last restart by a workflow."""
REVISION = "deployment.kubernetes.io/revision"
OBSERVED_WITHIN = 10.0
"""Seconds in which a controller is expected to see a new spec."""
POLL = 1.0
"""Most seconds between two reads; a quarter of it at first."""

Name = Annotated[str, Field(min_length=1, max_length=253)]
Namespace = Annotated[str, Field(max_length=63)]


class RolloutRestart(Parameters):
    """Parameters of rollout-restart."""

    kind: WorkloadKind = WorkloadKind.DEPLOYMENT
    """Kind of the workload."""
    name: Name
    """Its name."""
    namespace: Namespace = ""
    """Its namespace; the execution's own when empty."""


class Restarted(Outputs):
    """Outputs of rollout-restart."""

    restarted_at: str
    """Time of the restart (RFC 3339)."""
    revision: int | None = None
    """The new revision, of a Deployment."""
    repeated: bool = False
    """Whether an earlier attempt had restarted it already."""


def rollout_restart(parameters: RolloutRestart, context: Context) -> Restarted:
    """Restarts the pods of a workload one after another, as kubectl rollout restart does."""
    cluster, resource = context.cluster(), RESOURCES[parameters.kind]
    namespace = parameters.namespace or context.identity.namespace
    shown = f"{parameters.kind} {namespace}/{parameters.name}"
    workload = cluster.get(resource, namespace, parameters.name)
    if workload["spec"].get("paused"):
        raise ActionError(f"{shown} is paused: resume it first", permanent=True)
    repeated = _annotations(workload).get(RESTARTED_BY) == context.identity.key
    if repeated:
        context.log(f"{shown} was restarted by an earlier attempt")
    else:
        workload = cluster.merge(resource, namespace, parameters.name, _restart(context))
        context.log(f"{shown} is restarting")
    if parameters.kind is WorkloadKind.DEPLOYMENT:
        workload = _observed(cluster, parameters, namespace, context)
    revision = _annotations(workload).get(REVISION)
    template = workload["spec"]["template"]["metadata"].get("annotations") or {}
    return Restarted(
        restarted_at=template.get(RESTARTED_AT, ""),
        revision=int(revision) if revision else None,
        repeated=repeated,
    )


def _annotations(workload: Object) -> dict[str, str]:
    return workload["metadata"].get("annotations") or {}


def _restart(context: Context) -> Object:
    """One write that restarts and remembers who did."""
    now = context.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "metadata": {"annotations": {RESTARTED_BY: context.identity.key}},
        "spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: now}}}},
    }


def _observed(
    cluster: BlockingClient, parameters: RolloutRestart, namespace: str, context: Context
) -> Object:
    """The Deployment once its controller gave it the new revision, or after a while as it is."""
    deadline = context.clock.monotonic() + OBSERVED_WITHIN
    while True:
        workload = cluster.get(RESOURCES[parameters.kind], namespace, parameters.name)
        if observed(workload) or context.clock.monotonic() >= deadline:
            return workload
        context.clock.sleep(POLL / 4)


class RolloutStatus(Parameters):
    """Parameters of rollout-status."""

    kind: WorkloadKind = WorkloadKind.DEPLOYMENT
    """Kind of the workload."""
    name: Name
    """Its name."""
    namespace: Namespace = ""
    """Its namespace; the execution's own when empty."""
    timeout: Duration = "5m"
    """Longest time to wait."""


class RolledOut(Outputs):
    """Outputs of rollout-status."""

    message: str
    """Where the rollout stands, in words."""
    replicas: int
    """Pods wanted."""
    ready: int
    """Pods ready."""
    revision: int | None = None
    """The revision rolled out, of a Deployment."""
    duration_seconds: int
    """Seconds waited."""


def rollout_status(parameters: RolloutStatus, context: Context) -> RolledOut:
    """Waits until a workload is rolled out, by the rules of kubectl rollout status."""
    cluster, resource = context.cluster(), RESOURCES[parameters.kind]
    namespace = parameters.namespace or context.identity.namespace
    shown = f"{parameters.kind} {namespace}/{parameters.name}"
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
        context.clock.sleep(min(max(POLL / 4, waited / 10), POLL))


def _rolled_out(workload: Object, message: str, seconds: int) -> RolledOut:
    status = workload.get("status", {})
    revision = _annotations(workload).get(REVISION)
    return RolledOut(
        message=message,
        replicas=status.get("replicas", status.get("desiredNumberScheduled", 0)),
        ready=status.get("readyReplicas", status.get("numberReady", 0)),
        revision=int(revision) if revision else None,
        duration_seconds=seconds,
    )


ROLLOUT_RESTART = Action(
    name="rollout-restart",
    title="Restart a rollout",
    category="kubernetes",
    icon="refresh",
    parameters=RolloutRestart,
    outputs=Restarted,
    run=rollout_restart,
    retries=(
        "Worth a retry: no answer, throttling, failures of the API server. Never: "
        "a workload that is not there or is paused, missing permissions. The restart is remembered "
        "in an annotation of the workload, so that a retry does not restart twice."
    ),
    classify=classify,
    uses_cluster=True,
)

ROLLOUT_STATUS = Action(
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
    uses_cluster=True,
)
