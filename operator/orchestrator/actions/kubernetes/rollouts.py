"""Waiting for a rollout, and why the new pods of one do not start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.actions.action import ActionError, Context, Right
from orchestrator.actions.cluster import Object, annotations_of
from orchestrator.actions.kubernetes.workloads import (
    RESOURCES,
    Rollout,
    WorkloadKind,
    revision,
    rollout,
    selector,
)
from orchestrator.kube.resources import PODS, REPLICA_SETS
from orchestrator.models.base import parse_duration

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

MIN_POLL, MAX_POLL = 0.25, 1.0
"""Seconds between two reads: a tenth of the time waited, within these bounds."""
CHECK_PODS = 2.0
"""Seconds between two reads of the pods of a rollout that is not complete."""
DEFAULT_FAILURE_TIMEOUT = "1m"
HOPELESS = frozenset({"InvalidImageName", "ErrImageNeverPull"})
"""Reasons of a waiting container that end only by another change of the workload."""
_FAILING = HOPELESS | {
    "ErrImagePull",
    "ImagePullBackOff",
    "ImageInspectError",
    "RegistryUnavailable",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "CrashLoopBackOff",
}
_DAEMON_GENERATION = "deprecated.daemonset.template.generation"

POD_RIGHTS = (
    Right(REPLICA_SETS, {"list": "find the ReplicaSet of the newest revision"}),
    Right(PODS, {"list": "read why the new pods do not become ready"}),
)
"""What reading the reason of a failing rollout needs."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait for the rollout of a workload."""

    kind: WorkloadKind
    namespace: str
    name: str
    timeout: str
    """A duration: maximum time to wait."""
    failure_timeout: str | None = None
    """A duration: how long new pods may fail for the same reason; None to leave pods unread."""

    replicas: int | None = None
    """The number of pods that there must be at the end, all of them ready; None for any."""

    @property
    def shown(self) -> str:
        """The workload as messages name it."""
        return f"{self.kind} {self.namespace}/{self.name}"


def wait_for_rollout(cluster: BlockingClient, context: Context, wait: Wait) -> tuple[Object, int]:
    """The workload once its rollout is complete, and the seconds waited.

    Raises ActionError: permanent if the rollout has failed, and if the new pods have failed for
    the same reason for the failure timeout; worth a retry after the timeout.
    """
    clock, started, last = context.clock, context.clock.monotonic(), ""
    pods = _Pods(cluster, wait)
    while True:
        workload = cluster.get(RESOURCES[wait.kind], wait.namespace, wait.name)
        state = _state(wait, workload)
        waited = clock.monotonic() - started
        if state.done:
            if state.message != last:
                context.log(f"{wait.shown}: {state.message}")
            return workload, round(waited)
        failure = pods.failure(workload, waited, at_once=state.failed)
        because = f"; {failure}" if failure else ""
        if (message := f"{state.message}{because}") != last:
            context.log(f"{wait.shown}: {message}")
            last = message
        if state.failed or pods.hopeless(waited):
            raise ActionError(f"{wait.shown}: {message}", permanent=True)
        if waited >= parse_duration(wait.timeout):
            raise ActionError(f"{wait.shown} is not rolled out after {waited:.0f} s: {message}")
        clock.sleep(min(max(MIN_POLL, waited / 10), MAX_POLL))


def _state(wait: Wait, workload: Object) -> Rollout:
    """The state of the rollout; a scaling down is complete before its pods are gone."""
    state, status = rollout(wait.kind, workload), workload.get("status", {})
    there, ready = status.get("replicas", 0), status.get("readyReplicas", 0)
    if state.done and wait.replicas not in (None, there):
        return Rollout(f"there are {there} pods, not yet {wait.replicas}")
    if state.done and wait.replicas not in (None, ready):
        return Rollout(f"{ready} of {wait.replicas} pods are ready")
    return state


class _Pods:
    """The reason why the new pods of a rollout fail, and since when."""

    def __init__(self, cluster: BlockingClient, wait: Wait) -> None:
        self._cluster, self._wait = cluster, wait
        self._message, self._reason, self._since, self._next = "", "", 0.0, 0.0

    def failure(self, workload: Object, waited: float, *, at_once: bool) -> str:
        """Why the new pods fail, empty if they do not; read every CHECK_PODS seconds."""
        if self._wait.failure_timeout is None or (waited < self._next and not at_once):
            return self._message
        self._next = waited + CHECK_PODS
        reason, message = refusal_of(workload) or self._of_pods(workload)
        if reason != self._reason:
            self._reason, self._since = reason, waited
        self._message = message
        return message

    def hopeless(self, waited: float) -> bool:
        """Whether the pods have failed for the failure timeout, or will not start without help."""
        if not self._reason or self._wait.failure_timeout is None:
            return False
        lasted = waited - self._since
        return self._reason in HOPELESS or lasted >= parse_duration(self._wait.failure_timeout)

    def _of_pods(self, workload: Object) -> tuple[str, str]:
        wanted = self._newest(workload)
        if wanted is None:
            return "", ""
        pods = self._cluster.list(PODS, self._wait.namespace, label_selector=wanted)
        return failure_of(pods)

    def _newest(self, workload: Object) -> str | None:
        """The selector of the pods of the newest revision; None before there is one."""
        base, label = selector(workload), ""
        match self._wait.kind:
            case WorkloadKind.DEPLOYMENT:
                sets = self._cluster.list(REPLICA_SETS, self._wait.namespace, label_selector=base)
                newest = [
                    each["metadata"].get("labels", {}).get("pod-template-hash")
                    for each in sets
                    if revision(each) == revision(workload) and _owned(each, workload)
                ]
                label = f"pod-template-hash={newest[0]}" if newest else ""
            case WorkloadKind.STATEFUL_SET:
                updated = workload.get("status", {}).get("updateRevision")
                label = f"controller-revision-hash={updated}" if updated else ""
            case WorkloadKind.DAEMON_SET:
                generation = annotations_of(workload).get(_DAEMON_GENERATION)
                label = f"pod-template-generation={generation}" if generation else ""
        return f"{base},{label}" if label else None


def _owned(found: Object, owner: Object) -> bool:
    uid = owner["metadata"]["uid"]
    return any(each["uid"] == uid for each in found["metadata"].get("ownerReferences", []))


def refusal_of(workload: Object) -> tuple[str, str] | None:
    """Why the API server refuses the pods of a Deployment: a quota, admission; None if not."""
    for condition in workload.get("status", {}).get("conditions", []):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            reason = str(condition.get("reason") or "FailedCreate")
            return reason, f"{reason}: {condition.get('message', '')}"
    return None


def failure_of(pods: list[Object]) -> tuple[str, str]:
    """The reason and a sentence of the first pod that fails or cannot be scheduled."""
    for pod in sorted(pods, key=lambda each: str(each["metadata"]["name"])):
        if found := _failing(pod):
            return found
    for pod in pods:
        for condition in pod.get("status", {}).get("conditions", []):
            if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
                message = f"pod is unschedulable: {condition.get('message', '')}"
                return "Unschedulable", message
    return "", ""


def _failing(pod: Object) -> tuple[str, str] | None:
    status = pod.get("status", {})
    containers: list[Any] = [
        *status.get("initContainerStatuses", []),
        *status.get("containerStatuses", []),
    ]
    for container in containers:
        waiting = container.get("state", {}).get("waiting") or {}
        if (reason := waiting.get("reason", "")) not in _FAILING:
            continue
        ended = container.get("lastState", {}).get("terminated") or {}
        words = str(waiting.get("message") or "")
        if reason == "CrashLoopBackOff" and ended:
            words = f"exited with {ended.get('exitCode')} ({ended.get('reason', '')})"
        place = f"container {container['name']} of pod {pod['metadata']['name']}"
        return reason, f"{place}: {reason}: {' '.join(words.split())}".rstrip(": ")
    return None
