"""Deployments, StatefulSets and DaemonSets: their pods, revisions and rollouts.

The rules and words are those of `kubectl rollout status`: k8s.io/kubectl/pkg/polymorphichelpers,
rollout_status.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from orchestrator.actions.cluster import Object, annotations_of
from orchestrator.kube.resources import DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS, Resource

if TYPE_CHECKING:
    from orchestrator.actions.action import Clock
    from orchestrator.kube.blocking import BlockingClient

REVISION = "deployment.kubernetes.io/revision"
"""Annotation of a Deployment and of its ReplicaSets: the revision."""
OBSERVED_TIMEOUT = 10.0
"""Seconds to wait for a controller to observe a new spec."""
OBSERVED_POLL = 0.25
"""Seconds between two reads meanwhile."""


class WorkloadKind(StrEnum):
    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"


RESOURCES: dict[str, Resource] = {
    WorkloadKind.DEPLOYMENT: DEPLOYMENTS,
    WorkloadKind.STATEFUL_SET: STATEFUL_SETS,
    WorkloadKind.DAEMON_SET: DAEMON_SETS,
}


@dataclass(frozen=True, slots=True)
class Rollout:
    """The state of a rollout; a failed one will not complete by waiting."""

    message: str
    done: bool = False
    failed: bool = False


def rollout(kind: str, workload: Object) -> Rollout:
    """The state of the rollout of a workload."""
    return _RULES[kind](workload)


def selector(workload: Object) -> str:
    """A workload's pod selector as the parameter of a list request."""
    wanted = workload["spec"]["selector"]
    parts = [f"{key}={value}" for key, value in (wanted.get("matchLabels") or {}).items()]
    for expression in wanted.get("matchExpressions") or []:
        key, values = expression["key"], ",".join(expression.get("values") or [])
        parts.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }[expression["operator"]]
        )
    return ",".join(parts)


def revision(workload: Object) -> int | None:
    """The revision of a Deployment or of a ReplicaSet; None if there is none yet."""
    text = annotations_of(workload).get(REVISION, "")
    return int(text) if text.isdigit() else None


def observed(workload: Object) -> bool:
    """Whether the workload's controller has observed its newest spec."""
    generation: int = workload["metadata"]["generation"]
    return bool(generation <= workload.get("status", {}).get("observedGeneration", 0))


def observed_deployment(cluster: BlockingClient, namespace: str, name: str, clock: Clock) -> Object:
    """The Deployment once its controller has observed its spec and set its revision.

    After OBSERVED_TIMEOUT it is returned as it is.
    """
    deadline = clock.monotonic() + OBSERVED_TIMEOUT
    while True:
        deployment = cluster.get(DEPLOYMENTS, namespace, name)
        if observed(deployment) or clock.monotonic() >= deadline:
            return deployment
        clock.sleep(OBSERVED_POLL)


def _deployment(workload: Object) -> Rollout:
    if not observed(workload):
        return Rollout("waiting for the Deployment's new spec to be observed")
    status = workload.get("status", {})
    for condition in status.get("conditions", []):
        if condition["type"] == "Progressing" and (
            condition.get("reason") == "ProgressDeadlineExceeded"
        ):
            return Rollout("the Deployment exceeded its progress deadline", failed=True)
    wanted = workload["spec"].get("replicas", 1)
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available = status.get("availableReplicas", 0)
    if updated < wanted:
        return Rollout(f"{updated} of {wanted} replicas are updated")
    if total > updated:
        return Rollout(f"{total - updated} old replicas are pending termination")
    if available < updated:
        return Rollout(f"{available} of {updated} updated replicas are available")
    return Rollout("successfully rolled out", done=True)


def _stateful_set(workload: Object) -> Rollout:
    spec, status = workload["spec"], workload.get("status", {})
    strategy = spec.get("updateStrategy", {})
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return Rollout("only the RollingUpdate strategy has a rollout status", failed=True)
    if not observed(workload):
        return Rollout("waiting for the StatefulSet's new spec to be observed")
    wanted = spec.get("replicas", 1)
    ready, updated = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    if ready < wanted:
        return Rollout(f"{ready} of {wanted} pods are ready")
    partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    if partition:
        if updated < wanted - partition:
            return Rollout(f"{updated} of {wanted - partition} pods of the partition are updated")
        return Rollout("the partition is rolled out", done=True)
    if status.get("updateRevision") != status.get("currentRevision"):
        return Rollout(f"{updated} of {wanted} pods are at the new revision")
    return Rollout("successfully rolled out", done=True)


def _daemon_set(workload: Object) -> Rollout:
    spec, status = workload["spec"], workload.get("status", {})
    if spec.get("updateStrategy", {}).get("type", "RollingUpdate") != "RollingUpdate":
        return Rollout("only the RollingUpdate strategy has a rollout status", failed=True)
    if not observed(workload):
        return Rollout("waiting for the DaemonSet's new spec to be observed")
    wanted = status.get("desiredNumberScheduled", 0)
    updated, available = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    if updated < wanted:
        return Rollout(f"{updated} of {wanted} pods are updated")
    if available < wanted:
        return Rollout(f"{available} of {wanted} updated pods are available")
    return Rollout("successfully rolled out", done=True)


_RULES: dict[str, Callable[[Object], Rollout]] = {
    WorkloadKind.DEPLOYMENT: _deployment,
    WorkloadKind.STATEFUL_SET: _stateful_set,
    WorkloadKind.DAEMON_SET: _daemon_set,
}
