"""rollout-restart: replace the pods of a workload one after another."""

from __future__ import annotations

from orchestrator.actions.action import Action, ActionError, Context, Family, Outputs, Right
from orchestrator.actions.cluster import Object, annotations_of, classify
from orchestrator.actions.kubernetes.targets import OnWorkload
from orchestrator.actions.kubernetes.workloads import (
    RESOURCES,
    WorkloadKind,
    observed_deployment,
    revision,
)

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""The annotation of the pod template that `kubectl rollout restart` sets."""
RESTARTED_BY = "automation.itechsmart.dev/restarted-by"
"""Annotation of the workload: the idempotency key of its last restart by a workflow."""


class RolloutRestart(OnWorkload):
    """Parameters of rollout-restart."""


class Restarted(Outputs):
    """Outputs of rollout-restart."""

    restarted_at: str
    """Time of the restart (RFC 3339)."""
    revision: int | None = None
    """The new revision (Deployments only)."""
    repeated: bool = False
    """Whether an earlier attempt had already restarted it."""


def rollout_restart(parameters: RolloutRestart, context: Context) -> Restarted:
    """Restarts the pods of a workload one after another, as kubectl rollout restart does."""
    cluster, resource = context.cluster(), RESOURCES[parameters.kind]
    namespace, shown = parameters.in_namespace(context), parameters.described(context)
    workload = cluster.get(resource, namespace, parameters.name)
    if workload["spec"].get("paused"):
        raise ActionError(f"{shown} is paused: resume it first", permanent=True)
    repeated = annotations_of(workload).get(RESTARTED_BY) == context.identity.key
    if repeated:
        context.log(f"{shown} was restarted by an earlier attempt")
    else:
        workload = cluster.merge(resource, namespace, parameters.name, _restart(context))
        context.log(f"{shown} is restarting")
    if parameters.kind is WorkloadKind.DEPLOYMENT:
        workload = observed_deployment(cluster, namespace, parameters.name, context.clock)
    template = workload["spec"]["template"]["metadata"].get("annotations") or {}
    return Restarted(
        restarted_at=template.get(RESTARTED_AT, ""),
        revision=revision(workload),
        repeated=repeated,
    )


def _restart(context: Context) -> Object:
    """One write that restarts the workload and records the key."""
    now = context.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "metadata": {"annotations": {RESTARTED_BY: context.identity.key}},
        "spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: now}}}},
    }


ACTION = Action(
    name="rollout-restart",
    title="Restart a rollout",
    category="kubernetes",
    icon="refresh",
    parameters=RolloutRestart,
    outputs=Restarted,
    run=rollout_restart,
    retries=(
        "Retried: no response, throttling, failures of the API server. Not retried: "
        "a workload that does not exist or is paused, missing permissions. An annotation of the "
        "workload records the restart, so that a retry does not restart twice."
    ),
    classify=classify,
    rights=tuple(
        Right(
            resource,
            {
                "get": "read whether it is paused, or was restarted by an earlier attempt",
                "patch": "set the annotation that restarts its pods",
            },
        )
        for resource in RESOURCES.values()
    ),
    family=Family.ROLLOUTS,
    example="""
        variables:
        - {name: service, type: string, required: true}
        nodes:
        - name: restart
          action: rollout-restart
          with: {kind: Deployment, name: "$[[ vars.service ]]"}
    """,
)
