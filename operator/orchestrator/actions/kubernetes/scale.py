"""scale: set the number of replicas of a workload."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from orchestrator.actions.action import Action, ActionError, Context, Family, Outputs, Right
from orchestrator.actions.cluster import Object, annotations_of, classify, guarded
from orchestrator.actions.kubernetes.rollouts import (
    DEFAULT_FAILURE_TIMEOUT,
    POD_RIGHTS,
    Wait,
    wait_for_rollout,
)
from orchestrator.actions.kubernetes.targets import InNamespace, Name
from orchestrator.actions.kubernetes.workloads import RESOURCES, WorkloadKind
from orchestrator.models.base import GROUP, Duration

SCALED = f"{GROUP}/scaled"
"""Annotation of a workload: its last scaling by a workflow, as JSON: key, from and to."""


class ScalableKind(StrEnum):
    """Kinds that have a number of replicas."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"


class Scale(InNamespace):
    """Parameters of scale."""

    kind: ScalableKind = ScalableKind.DEPLOYMENT
    """Kind of the workload."""
    name: Annotated[Name, Field(min_length=1)]
    """Name of the workload."""
    replicas: Annotated[int, Field(ge=0, le=100_000)]
    """Number of replicas to set."""
    current_replicas: Annotated[int, Field(ge=0, le=100_000)] | None = None
    """Scale only if the workload has this number of replicas, and fail otherwise."""
    wait: bool = True
    """Whether to wait until that many pods are available."""
    timeout: Duration = "5m"
    """Maximum time to wait."""
    pod_failure_timeout: Duration = DEFAULT_FAILURE_TIMEOUT
    """How long pods may fail for the same reason (image pull, crash, quota) before the action
    fails."""


class Scaled(Outputs):
    """Outputs of scale."""

    from_replicas: int
    """Number of replicas before."""
    to_replicas: int
    """Number of replicas that was set."""
    ready: int
    """Number of ready pods at the end."""
    changed: bool
    """Whether the number was changed."""
    repeated: bool = False
    """Whether an earlier attempt had already changed it."""


def scale(parameters: Scale, context: Context) -> Scaled:
    """Sets the number of replicas of a Deployment or a StatefulSet, and waits until its pods are
    available."""
    cluster, namespace = context.cluster(), parameters.in_namespace(context)
    kind = WorkloadKind(parameters.kind.value)
    shown = f"{kind} {namespace}/{parameters.name}"
    before, repeated = 0, False

    def patch(workload: Object) -> Object | None:
        nonlocal before, repeated
        done = _done(workload, context.identity.key)
        before = done["from"] if done else int(workload["spec"].get("replicas", 1))
        repeated = done is not None
        if repeated:
            return None
        if parameters.current_replicas not in (None, before):
            words = f"{shown} has {before} replicas, not {parameters.current_replicas}"
            raise ActionError(words, permanent=True)
        if before == parameters.replicas:
            return None
        mark = {"key": context.identity.key, "from": before, "to": parameters.replicas}
        return {
            "metadata": {"annotations": {SCALED: json.dumps(mark)}},
            "spec": {"replicas": parameters.replicas},
        }

    workload, written = guarded(cluster, RESOURCES[kind], namespace, parameters.name, patch)
    context.log(_said(shown, before, parameters.replicas, written=written, repeated=repeated))
    if parameters.wait:
        wait = Wait(
            kind,
            namespace,
            parameters.name,
            parameters.timeout,
            parameters.pod_failure_timeout,
            None if repeated else parameters.replicas,
        )
        workload, _ = wait_for_rollout(cluster, context, wait)
    return Scaled(
        from_replicas=before,
        to_replicas=parameters.replicas,
        ready=workload.get("status", {}).get("readyReplicas", 0),
        changed=written or repeated,
        repeated=repeated,
    )


def _said(shown: str, before: int, after: int, *, written: bool, repeated: bool) -> str:
    if repeated:
        return f"{shown} was scaled by an earlier attempt"
    if not written:
        return f"{shown} already has {after} replicas"
    return f"{shown} is scaled from {before} to {after} replicas"


def _done(workload: Object, key: str) -> dict[str, Any] | None:
    """The scaling that an earlier attempt of this node made."""
    try:
        mark = json.loads(annotations_of(workload).get(SCALED, "{}"))
        return {"from": int(mark["from"])} if mark["key"] == key else None
    except (ValueError, TypeError, KeyError):
        return None  # absent, or not written by us


ACTION = Action(
    name="scale",
    title="Scale a workload",
    category="kubernetes",
    icon="maximize",
    parameters=Scale,
    outputs=Scaled,
    run=scale,
    retries=(
        "Retried: pods that are not available within the timeout, no response, throttling, "
        "failures of the API server, a workload that others keep changing. Not retried: a workload "
        "that does not exist or does not have currentReplicas, pods that keep failing, missing "
        "permissions. An annotation of the workload records the scaling, so that a retry waits on "
        "and does not override a later change."
    ),
    classify=classify,
    rights=(
        *(
            Right(
                RESOURCES[kind.value],
                {
                    "get": "read the number of replicas and the progress of the rollout",
                    "patch": "set the number of replicas",
                },
            )
            for kind in ScalableKind
        ),
        *POD_RIGHTS,
    ),
    family=Family.ROLLOUTS,
    example="""
        nodes:
        - name: more
          action: scale
          with: {kind: Deployment, name: web, replicas: 5, timeout: 10m}
    """,
)
