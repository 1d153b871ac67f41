"""rollout-undo: a Deployment's pods as an earlier revision had them.

The rules are those of `kubectl rollout undo` (k8s.io/kubectl/pkg/polymorphichelpers, rollback.go),
with two differences: it waits until the Deployment's newest spec has its revision, so that
"previous" is never one too far, and it changes the Deployment only as it was read.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from orchestrator.actions.action import Action, ActionError, Context, Outputs, Right
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
"""Annotations of the Deployment that stay; all others are those of the earlier revision."""


class RolloutUndo(InNamespace):
    """Parameters of rollout-undo."""

    name: Annotated[Name, Field(min_length=1)]
    """Name of the Deployment."""
    to_revision: Annotated[int, Field(ge=1)] | None = None
    """The revision to return to; the previous one when absent."""


class RolledBack(Outputs):
    """Outputs of rollout-undo."""

    from_revision: int
    """The revision that was rolled back."""
    to_revision: int
    """The revision whose pod template is used again."""
    revision: int | None = None
    """The Deployment's new revision."""
    changed: bool
    """Whether the pod template was changed; false when it was that of the revision already."""
    repeated: bool = False
    """Whether an earlier attempt had rolled it back already."""


def rollout_undo(parameters: RolloutUndo, context: Context) -> RolledBack:
    """Rolls a Deployment back to its previous revision or to a given one, as kubectl rollout undo
    does."""
    cluster, namespace = context.cluster(), parameters.in_namespace(context)
    shown = f"Deployment {namespace}/{parameters.name}"
    deployment = observed_deployment(cluster, namespace, parameters.name, context.clock)
    if done := _done(deployment, context.identity.key):
        context.log(f"{shown} was rolled back by an earlier attempt")
        return _answer(deployment, done["from"], done["to"], changed=True, repeated=True)
    current = _current(deployment, shown)
    history = _history(cluster, namespace, deployment)
    wanted = _wanted(parameters.to_revision, current, history, shown)
    template = _template(history[wanted])
    if template == deployment["spec"]["template"]:
        context.log(f"{shown} has the pod template of revision {wanted} already")
        return _answer(deployment, current, wanted, changed=False)
    mark = {"key": context.identity.key, "from": current, "to": wanted}
    cluster.merge(
        DEPLOYMENTS, namespace, parameters.name, _patch(deployment, history[wanted], mark)
    )
    context.log(f"{shown} is rolled back from revision {current} to {wanted}")
    deployment = observed_deployment(cluster, namespace, parameters.name, context.clock)
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
    """The rollback that an earlier attempt of this piece of work made."""
    try:
        mark = json.loads(annotations_of(deployment).get(ROLLBACK, "{}"))
        return {"from": int(mark["from"]), "to": int(mark["to"])} if mark["key"] == key else None
    except (ValueError, TypeError, KeyError):
        return None  # none, or none of ours


def _current(deployment: Object, shown: str) -> int:
    """The revision of a Deployment that can be rolled back."""
    if deployment["spec"].get("paused"):
        raise ActionError(f"{shown} is paused: resume it first", permanent=True)
    current = revision(deployment)
    if current is None or not observed(deployment):
        raise ActionError(f"the controller of {shown} has not observed its newest spec")
    return current


def _history(cluster: BlockingClient, namespace: str, deployment: Object) -> dict[int, Object]:
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
    """The revision to return to; ActionError, permanent, where there is none."""
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
    """The pod template of a revision as the Deployment had it."""
    template: Object = replica_set["spec"]["template"]
    metadata = dict(template["metadata"])
    labels = metadata.get("labels") or {}
    metadata["labels"] = {name: value for name, value in labels.items() if name != TEMPLATE_HASH}
    return {**template, "metadata": metadata}


def _patch(deployment: Object, replica_set: Object, mark: dict[str, Any]) -> Object:
    """One write, of the Deployment as it was read: template, annotations, and who did it."""
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
    """The merge patch (RFC 7386) that makes one object of the other; lists are replaced whole."""
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
        "Worth a retry: a Deployment that is being changed, no answer, throttling, failures of the "
        "API server. Never: a Deployment that is not there or is paused, a revision that is not "
        "there, missing permissions. The rollback is remembered in an annotation of the "
        "Deployment, so that a retry does not roll back twice."
    ),
    classify=classify,
    rights=(Right(DEPLOYMENTS, ("get", "patch")), Right(REPLICA_SETS, ("list",))),
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
