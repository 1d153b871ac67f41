"""rollout-undo: roll a Deployment back to an earlier revision.

The rules are those of `kubectl rollout undo` (k8s.io/kubectl/pkg/polymorphichelpers, rollback.go),
with two differences: it waits until the Deployment's newest spec has a revision, so that
"previous" never goes one too far back, and it changes the Deployment only if it is as read.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from orchestrator.actions.action import Action, ActionError, Context, Family, Outputs, Right
from orchestrator.actions.cluster import Object, annotations_of, classify
from orchestrator.actions.kubernetes.targets import InNamespace, Name
from orchestrator.actions.kubernetes.workloads import (
    REVISION,
    observed,
    observed_deployment,
    revision,
    selector,
)
from orchestrator.kube.resources import DEPLOYMENTS, REPLICA_SETS
from orchestrator.models.base import GROUP

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

ROLLBACK = f"{GROUP}/rollback"
"""Annotation of the Deployment: its last rollback by a workflow, as JSON: key, from and to."""
TEMPLATE_HASH = "pod-template-hash"
"""Label that the Deployment's controller adds to the pods of a ReplicaSet."""
KEPT = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        "deployment.kubernetes.io/revision-history",
        "deployment.kubernetes.io/desired-replicas",
        "deployment.kubernetes.io/max-replicas",
        "deprecated.deployment.rollback.to",
    }
)
"""Annotations of the Deployment that stay; all others come from the earlier revision."""


class RolloutUndo(InNamespace):
    """Parameters of rollout-undo."""

    name: Annotated[Name, Field(min_length=1)]
    """Name of the Deployment."""
    to_revision: Annotated[int, Field(ge=1)] | None = None
    """The revision to return to; the previous one if absent."""


class RolledBack(Outputs):
    """Outputs of rollout-undo."""

    from_revision: int
    """The revision that was rolled back."""
    to_revision: int
    """The revision whose pod template was restored."""
    revision: int | None = None
    """The Deployment's new revision."""
    changed: bool
    """Whether the pod template was changed; false if it was already that of the revision."""
    repeated: bool = False
    """Whether an earlier attempt had already rolled it back."""


def rollout_undo(parameters: RolloutUndo, context: Context) -> RolledBack:
    """Rolls a Deployment back to its previous revision or to a given one, as kubectl rollout undo
    does. It does not wait for the rollout: rollback-deployment does."""
    namespace = parameters.in_namespace(context)
    asked = parameters.to_revision
    return roll_back(context.cluster(), context, namespace, parameters.name, asked)


def roll_back(
    cluster: BlockingClient, context: Context, namespace: str, name: str, asked: int | None
) -> RolledBack:
    """Roll a Deployment back to the revision asked for, or to the previous one."""
    shown = f"Deployment {namespace}/{name}"
    deployment = observed_deployment(cluster, namespace, name, context.clock)
    if done := _done(deployment, context.identity.key):
        context.log(f"{shown} was rolled back by an earlier attempt")
        return _answer(deployment, done["from"], done["to"], changed=True, repeated=True)
    current = _current(deployment, shown)
    history = history_of(cluster, namespace, deployment)
    wanted = _wanted(asked, current, history, shown)
    template = _template(history[wanted])
    if template == deployment["spec"]["template"]:
        context.log(f"{shown} already has the pod template of revision {wanted}")
        return _answer(deployment, current, wanted, changed=False)
    mark = {"key": context.identity.key, "from": current, "to": wanted}
    cluster.merge(DEPLOYMENTS, namespace, name, _patch(deployment, history[wanted], mark))
    context.log(f"{shown} is rolled back from revision {current} to {wanted}")
    deployment = observed_deployment(cluster, namespace, name, context.clock)
    return _answer(deployment, current, wanted, changed=True)


def _answer(
    deployment: Object, current: int, wanted: int, *, changed: bool, repeated: bool = False
) -> RolledBack:
    return RolledBack(
        from_revision=current,
        to_revision=wanted,
        revision=revision(deployment),
        changed=changed,
        repeated=repeated,
    )


def _done(deployment: Object, key: str) -> dict[str, Any] | None:
    """The rollback that an earlier attempt of this node made."""
    try:
        mark = json.loads(annotations_of(deployment).get(ROLLBACK, "{}"))
        return {"from": int(mark["from"]), "to": int(mark["to"])} if mark["key"] == key else None
    except (ValueError, TypeError, KeyError):
        return None  # absent, or not written by us


def _current(deployment: Object, shown: str) -> int:
    """The Deployment's revision; ActionError if it cannot be rolled back."""
    if deployment["spec"].get("paused"):
        raise ActionError(f"{shown} is paused: resume it first", permanent=True)
    current = revision(deployment)
    if current is None or not observed(deployment):
        raise ActionError(f"the controller of {shown} has not observed its newest spec")
    return current


def history_of(cluster: BlockingClient, namespace: str, deployment: Object) -> dict[int, Object]:
    """The Deployment's ReplicaSets by revision."""
    uid = deployment["metadata"]["uid"]
    found = cluster.list(REPLICA_SETS, namespace, label_selector=selector(deployment))
    return {
        number: each
        for each in found
        if (number := revision(each)) is not None
        and any(owner["uid"] == uid for owner in each["metadata"].get("ownerReferences", []))
    }


def _wanted(asked: int | None, current: int, history: dict[int, Object], shown: str) -> int:
    """The revision to return to; ActionError, permanent, if there is none."""
    if asked is None:
        earlier = [number for number in history if number < current]
        if not earlier:
            raise ActionError(f"{shown} has no revision before {current}", permanent=True)
        return max(earlier)
    if asked not in history:
        known = ", ".join(map(str, sorted(history)))
        raise ActionError(f"{shown} has no revision {asked}; it has {known}", permanent=True)
    return asked


def _template(replica_set: Object) -> Object:
    """The pod template of a revision, as it was in the Deployment."""
    template: Object = replica_set["spec"]["template"]
    metadata = dict(template["metadata"])
    labels = metadata.get("labels") or {}
    metadata["labels"] = {name: value for name, value in labels.items() if name != TEMPLATE_HASH}
    return {**template, "metadata": metadata}


def _patch(deployment: Object, replica_set: Object, mark: dict[str, Any]) -> Object:
    """One write, only if the Deployment is as read: template, annotations and key."""
    before = annotations_of(deployment)
    after = {name: value for name, value in before.items() if _stays(name)}
    after |= {name: it for name, it in annotations_of(replica_set).items() if not _stays(name)}
    after[ROLLBACK] = json.dumps(mark)
    return {
        "metadata": {
            "resourceVersion": deployment["metadata"]["resourceVersion"],
            "annotations": _difference(before, after),
        },
        "spec": {"template": _difference(deployment["spec"]["template"], _template(replica_set))},
    }


def _stays(annotation: str) -> bool:
    return annotation in KEPT or annotation.startswith(f"{GROUP}/")


def _difference(before: Object, after: Object) -> Object:
    """The merge patch (RFC 7386) from one object to the other; lists are replaced."""
    patch: Object = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            if inside := _difference(old, value):
                patch[name] = inside
        elif name not in before or old != value:
            patch[name] = value
    return patch


ACTION = Action(
    name="rollout-undo",
    title="Roll back a Deployment",
    category="kubernetes",
    icon="undo",
    parameters=RolloutUndo,
    outputs=RolledBack,
    run=rollout_undo,
    retries=(
        "Retried: a Deployment that is being changed, no response, throttling, failures of the "
        "API server. Not retried: a Deployment that does not exist or is paused, a revision that "
        "does not exist, missing permissions. An annotation of the Deployment records the "
        "rollback, so that a retry does not roll back twice."
    ),
    classify=classify,
    rights=(
        Right(
            DEPLOYMENTS,
            {
                "get": "read the current revision",
                "patch": "restore the pod template of an earlier revision",
            },
        ),
        Right(REPLICA_SETS, {"list": "find the revisions"}),
    ),
    family=Family.ROLLOUTS,
    example="""
        nodes:
        - name: wait
          action: rollout-status
          with: {name: web, timeout: 5m}
        - name: undo
          action: rollout-undo
          with: {name: web}
        - name: settle
          action: rollout-status
          with: {name: web}
        edges:
        - {from: wait, to: undo, outcome: Failed}
        - {from: undo, to: settle}
    """,
)
