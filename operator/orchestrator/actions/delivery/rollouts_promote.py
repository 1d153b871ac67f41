"""rollouts-promote: promote a paused Rollout of Argo Rollouts."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from orchestrator.actions.action import Action, ActionError, Context, Family, Outputs, Right
from orchestrator.actions.cluster import Object, annotations_of, classify, guarded
from orchestrator.actions.kubernetes.targets import InNamespace, Name
from orchestrator.kube.resources import ROLLOUTS
from orchestrator.models.base import Duration, parse_duration

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

PROMOTED = "automation.itechsmart.dev/promoted"
"""Annotation: the idempotency key of the last promotion, and a hash of the state before it."""
POLL = 2.0
"""Seconds between two reads."""


class RolloutsPromote(InNamespace):
    """Parameters of rollouts-promote."""

    name: Annotated[Name, Field(min_length=1)]
    """Name of the Rollout."""
    full: bool = False
    """Whether to skip all remaining steps, pauses and analyses."""
    wait: bool = True
    """Whether to wait until the Rollout is healthy, or pauses at a later step."""
    timeout: Duration = "10m"
    """Maximum time to wait."""


class Promoted(Outputs):
    """Outputs of rollouts-promote."""

    phase: str
    """Phase: Healthy, Paused or Progressing."""
    step: int | None = None
    """Index of the current canary step, from 0."""
    changed: bool
    """Whether there was something to promote, now or in an earlier attempt."""
    repeated: bool = False
    """Whether an earlier attempt had promoted it."""


def rollouts_promote(parameters: RolloutsPromote, context: Context) -> Promoted:
    """Promotes a Rollout of Argo Rollouts that is paused, as kubectl argo rollouts promote does,
    and waits until it is healthy or pauses again."""
    cluster, namespace = context.cluster(), parameters.in_namespace(context)
    shown = f"Rollout {namespace}/{parameters.name}"
    rollout = cluster.get(ROLLOUTS, namespace, parameters.name)
    before = annotations_of(rollout).get(PROMOTED, "").rpartition(" ")
    mine = before[0] == context.identity.key
    repeated = mine and before[2] != _digest(rollout)
    changed = mine or _promotable(rollout, full=parameters.full)
    if repeated:
        context.log(f"{shown} was promoted by an earlier attempt")
    elif changed:
        _promote(cluster, namespace, parameters, context)
        context.log(f"{shown} is promoted")
    else:
        context.log(f"{shown} has nothing to promote")
    if parameters.wait and changed:
        rollout = _wait(cluster, namespace, parameters, context)
    else:
        rollout = cluster.get(ROLLOUTS, namespace, parameters.name)
    status = rollout.get("status") or {}
    return Promoted(
        phase=status.get("phase", ""),
        step=status.get("currentStepIndex"),
        changed=changed,
        repeated=repeated,
    )


def _digest(rollout: Object) -> str:
    """The state that a promotion changes; the same until it is done."""
    status = rollout.get("status") or {}
    names = ("pauseConditions", "currentStepIndex", "currentPodHash", "promoteFull")
    state = [rollout["spec"].get("paused", False), [status.get(name) for name in names]]
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:16]


def _promotable(rollout: Object, *, full: bool) -> bool:
    status = rollout.get("status") or {}
    if status.get("abort"):
        raise ActionError("the Rollout is aborted: retry it or change it first", permanent=True)
    fully = status.get("currentPodHash") == status.get("stableRS")
    if full:
        return not fully
    paused = bool(rollout["spec"].get("paused") or status.get("pauseConditions"))
    return paused or (not fully and _next_step(rollout) is not None)


def _promote(
    cluster: BlockingClient, namespace: str, parameters: RolloutsPromote, context: Context
) -> None:
    """Record the state, then change it: a retry after a crash in between promotes once."""
    name, key = parameters.name, context.identity.key

    def mark(rollout: Object) -> Object:
        return {"metadata": {"annotations": {PROMOTED: f"{key} {_digest(rollout)}"}}}

    rollout, _ = guarded(cluster, ROLLOUTS, namespace, name, mark)
    if status := _status_patch(rollout, full=parameters.full):
        guard = {"resourceVersion": rollout["metadata"]["resourceVersion"]}
        patch = {"metadata": guard, "status": status}
        cluster.merge(ROLLOUTS, namespace, name, patch, "status")
    if rollout["spec"].get("paused") and not parameters.full:
        cluster.merge(ROLLOUTS, namespace, name, {"spec": {"paused": False}})


def _status_patch(rollout: Object, *, full: bool) -> Object:
    """The change of the status, by the rules of the kubectl plugin (promote.go)."""
    if full:
        return {"promoteFull": True}
    if (rollout.get("status") or {}).get("pauseConditions"):
        return {"pauseConditions": None}
    step = _next_step(rollout)
    return {} if step is None else {"pauseConditions": None, "currentStepIndex": step}


def _next_step(rollout: Object) -> int | None:
    """The index after the current canary step; None without steps."""
    steps = (rollout["spec"]["strategy"].get("canary") or {}).get("steps") or []
    index: int = (rollout.get("status") or {}).get("currentStepIndex") or 0
    return min(index + 1, len(steps)) if steps else None


def _wait(
    cluster: BlockingClient, namespace: str, parameters: RolloutsPromote, context: Context
) -> Object:
    clock, last = context.clock, ""
    deadline = clock.monotonic() + parse_duration(parameters.timeout)
    shown = f"Rollout {namespace}/{parameters.name}"
    while True:
        rollout = cluster.get(ROLLOUTS, namespace, parameters.name)
        status = rollout.get("status") or {}
        phase, message = status.get("phase", ""), status.get("message", "")
        done = status.get("currentPodHash") == status.get("stableRS") and phase == "Healthy"
        before = annotations_of(rollout).get(PROMOTED, "").rpartition(" ")[2]
        paused = phase == "Paused" and status.get("pauseConditions") and before != _digest(rollout)
        if done or (paused and not parameters.full):
            context.log(f"{shown} is {phase}")
            return rollout
        if phase == "Degraded":
            raise ActionError(f"{shown} is degraded: {message}", permanent=True)
        words = f"{phase or 'waiting'}{message and f': {message}'}"
        if words != last:
            context.log(f"{shown} is {words}")
            last = words
        if clock.monotonic() + POLL > deadline:
            raise ActionError(f"{shown} is not done after the timeout: {words}")
        clock.sleep(POLL)


ACTION = Action(
    name="rollouts-promote",
    title="Promote a Rollout",
    category="delivery",
    icon="fast-forward",
    parameters=RolloutsPromote,
    outputs=Promoted,
    run=rollouts_promote,
    retries=(
        "Retried: no response, throttling, conflicts, failures of the API server, a Rollout that "
        "is not done within the timeout. Not retried: a Rollout that is degraded, aborted or does "
        "not exist, missing permissions. An annotation holds the idempotency key and the state "
        "before: a retry does not promote a second step."
    ),
    classify=classify,
    rights=(
        Right(
            ROLLOUTS,
            {
                "get": "read the step and the phase of the Rollout",
                "patch": "record the promotion, and end a pause of the spec",
            },
        ),
        Right(ROLLOUTS, {"patch": "end the pause, or skip the step"}, subresource="status"),
    ),
    family=Family.ROLLOUTS,
    example="""
        nodes:
        - name: approve
          approval: {approvers: ["group:release-managers"]}
        - name: promote
          action: rollouts-promote
          with: {name: shop}
        edges:
        - {from: approve, to: promote}
    """,
)
