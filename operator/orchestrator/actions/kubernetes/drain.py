"""drain: cordon a node and evict its pods, as kubectl drain does.

The rules are those of k8s.io/kubectl/pkg/drain: which pods stay, and which need a parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from orchestrator.actions.action import Action, ActionError, Context, Family, Outputs, Right
from orchestrator.actions.cluster import Object, annotations_of, classify
from orchestrator.actions.kubernetes.nodes import NODE_RIGHTS, OnNode, mark
from orchestrator.kube.errors import ApiError
from orchestrator.kube.resources import PODS
from orchestrator.models.base import Duration, parse_duration

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

MIRROR = "kubernetes.io/config.mirror"
"""Annotation of the pods that a kubelet runs from files, which no eviction ends."""
RETRY_EVICTION = 5.0
"""Seconds until an eviction that a PodDisruptionBudget refused is tried again, as kubectl has it.
"""
POLL = 1.0
"""Seconds between two reads of the pods that have not ended yet."""


class Drain(OnNode):
    """Parameters of drain."""

    force: bool = False
    """Whether to evict pods without a controller, which nothing creates again."""
    delete_empty_dir_data: bool = False
    """Whether to evict pods with emptyDir volumes, whose data is lost."""
    pod_selector: Annotated[str, Field(max_length=1024)] = ""
    """Label selector of the pods to evict; all if empty."""
    grace_period_seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None
    """Seconds that each pod has to end; its own if absent."""
    timeout: Duration = "10m"
    """Maximum time to wait until the pods are gone."""


class Drained(Outputs):
    """Outputs of drain."""

    bulky = ("evicted",)

    evicted: list[str]
    """Pods that this attempt evicted, as namespace/name."""
    skipped: int
    """Number of pods that stay: those of DaemonSets, and mirror pods."""
    duration_seconds: int
    """Time until the pods were gone, in seconds."""
    truncated: bool = False
    """Whether an output was truncated."""


@dataclass(frozen=True, slots=True)
class _Pod:
    """A pod to evict."""

    namespace: str
    name: str
    uid: str

    @property
    def shown(self) -> str:
        return f"{self.namespace}/{self.name}"


def drain(parameters: Drain, context: Context) -> Drained:
    """Cordons a node, evicts its pods and waits until they are gone. PodDisruptionBudgets are
    honoured: an eviction that one refuses is tried again until the timeout. Pods of DaemonSets and
    mirror pods stay. On the node on which the action itself runs it only cordons and fails, so that
    its retry runs on another node."""
    cluster, clock = context.cluster(), context.clock
    mark(cluster, context, parameters.node, unschedulable=True)
    found = cluster.list(
        PODS,
        "",
        label_selector=parameters.pod_selector,
        field_selector=f"spec.nodeName={parameters.node}",
    )
    _check_elsewhere(context, parameters.node, found)
    staying = [each for each in found if _stays(each)]
    moving = [each for each in found if not _stays(each)]
    _check(moving, parameters)
    started = clock.monotonic()
    pods = [_pod(each) for each in moving]
    _Eviction(cluster, context, parameters).run(pods)
    waited = round(clock.monotonic() - started)
    context.log(f"node {parameters.node} is drained after {waited} s")
    return Drained(
        evicted=[each.shown for each in pods], skipped=len(staying), duration_seconds=waited
    )


def _check_elsewhere(context: Context, node: str, found: Sequence[Object]) -> None:
    """Raises ActionError if the action's own pod is on the node: its eviction would end it."""
    own, namespace = context.environ.get("HOSTNAME", ""), context.identity.namespace
    here = [
        each
        for each in found
        if (each["metadata"]["namespace"], each["metadata"]["name"]) == (namespace, own)
    ]
    if not here:
        return
    raise ActionError(
        f"the action itself runs on node {node}: the node is cordoned, so that a retry of the "
        "action runs on another node and drains it"
    )


def _stays(pod: Object) -> bool:
    if MIRROR in annotations_of(pod):
        return True
    owner = _controller(pod)
    return owner is not None and owner["kind"] == "DaemonSet" and not _ended(pod)


def _ended(pod: Object) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def _controller(pod: Object) -> Object | None:
    owners: list[Object] = pod["metadata"].get("ownerReferences") or []
    return next((each for each in owners if each.get("controller")), None)


def _check(pods: Sequence[Object], parameters: Drain) -> None:
    """Raises ActionError, permanent, for pods whose eviction needs a parameter."""
    going = [each for each in pods if not _ended(each)]
    unmanaged = [_pod(each).shown for each in going if _controller(each) is None]
    with_data = [
        _pod(each).shown
        for each in going
        if any("emptyDir" in volume for volume in each["spec"].get("volumes") or [])
    ]
    problems = []
    if unmanaged and not parameters.force:
        problems.append(f"pods without a controller need force: {_some(unmanaged)}")
    if with_data and not parameters.delete_empty_dir_data:
        problems.append(f"pods with emptyDir volumes need deleteEmptyDirData: {_some(with_data)}")
    if problems:
        words = "; ".join(problems)
        raise ActionError(
            f"node {parameters.node} is cordoned, and no pod is evicted: {words}", permanent=True
        )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more}"


def _pod(found: Object) -> _Pod:
    metadata = found["metadata"]
    return _Pod(metadata["namespace"], metadata["name"], metadata["uid"])


class _Eviction:
    """Evicts pods until all are gone or the time is up."""

    def __init__(self, cluster: BlockingClient, context: Context, parameters: Drain) -> None:
        self._cluster, self._context, self._parameters = cluster, context, parameters
        self._refused: dict[_Pod, str] = {}
        self._next: dict[_Pod, float] = {}

    def run(self, pods: Sequence[_Pod]) -> None:
        """Raises ActionError, worth a retry, for pods that are still there after the timeout."""
        clock, started = self._context.clock, self._context.clock.monotonic()
        pending, ending = list(pods), list[_Pod]()
        while True:
            now = clock.monotonic()
            for pod in [each for each in pending if self._next.get(each, now) <= now]:
                if self._evict(pod, now):
                    pending.remove(pod)
                    ending.append(pod)
            ending = [each for each in ending if self._exists(each)]
            pending = [each for each in pending if self._exists(each)]
            waited = clock.monotonic() - started
            if not pending and not ending:
                return
            if waited >= parse_duration(self._parameters.timeout):
                raise ActionError(self._left(pending, ending, waited))
            clock.sleep(POLL)

    def _evict(self, pod: _Pod, now: float) -> bool:
        """Whether the pod is evicted; a refusal by a PodDisruptionBudget is tried again later."""
        options: Object = {"preconditions": {"uid": pod.uid}}
        if self._parameters.grace_period_seconds is not None:
            options["gracePeriodSeconds"] = self._parameters.grace_period_seconds
        try:
            self._cluster.evict(pod.namespace, pod.name, options)
        except ApiError as error:
            if error.status in (404, 409):  # gone, or another pod of the same name
                return True
            if error.status != 429:
                raise
            words = " ".join(error.message.split())
            if self._refused.get(pod) != words:
                self._context.log(f"{pod.shown} is not evicted yet: {words}")
            self._refused[pod] = words
            self._next[pod] = now + RETRY_EVICTION
            return False
        self._context.log(f"{pod.shown} is evicted")
        return True

    def _exists(self, pod: _Pod) -> bool:
        found = self._cluster.find(PODS, pod.namespace, pod.name)
        return found is not None and found["metadata"]["uid"] == pod.uid

    def _left(self, pending: Sequence[_Pod], ending: Sequence[_Pod], waited: float) -> str:
        pods = [*pending, *ending]
        count = "1 pod is" if len(pods) == 1 else f"{len(pods)} pods are"
        words = f"{count} still on node {self._parameters.node} after {waited:.0f} s"
        why = self._refused.get(pods[0], "it has not ended")
        return f"{words}: {pods[0].shown}: {why}"


ACTION = Action(
    name="drain",
    title="Drain a node",
    category="kubernetes",
    icon="log-out",
    parameters=Drain,
    outputs=Drained,
    run=drain,
    retries=(
        "Retried: pods that are still there after the timeout, such as those that a "
        "PodDisruptionBudget protects, its own pod on the node, no response, throttling, failures "
        "of the API server. Not retried: a node that does not exist, pods that need force or "
        "deleteEmptyDirData, missing permissions. A retry evicts the pods that are left. The node "
        "stays cordoned."
    ),
    classify=classify,
    rights=(
        NODE_RIGHTS,
        Right(
            PODS,
            {
                "list": "find the pods on the node",
                "get": "read whether an evicted pod is gone",
            },
            every_namespace=True,
        ),
        Right(
            PODS,
            {"create": "evict the pods"},
            subresource="eviction",
            every_namespace=True,
        ),
    ),
    family=Family.NODES,
    example="""
        variables:
        - {name: node, type: string, required: true}
        nodes:
        - name: drain
          action: drain
          with: {node: "$[[ vars.node ]]", deleteEmptyDirData: true, timeout: 15m}
          retry: {limit: 2}
    """,
)
