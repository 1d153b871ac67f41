"""pod-logs: the logs of a pod, of a workload's pods or of the pods that a selector matches."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Family, Outputs, Right
from orchestrator.actions.cluster import Object, classify
from orchestrator.actions.kubernetes.targets import READ_RETRIES, InNamespace, Name
from orchestrator.actions.kubernetes.workloads import RESOURCES, selector
from orchestrator.kube.blocking import LogGoneError
from orchestrator.kube.errors import ApiError
from orchestrator.kube.resources import JOBS, PODS, Resource
from orchestrator.models.base import Duration, parse_duration

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
"""Annotation of a pod: the default container of `kubectl logs`."""
TRIES, PAUSE_SECONDS = 5, 1.0
"""Of a container that crashes again and again, the kubelet keeps the latest run, and may name an
earlier one: how often a log is requested, and the seconds between two requests."""


class LogSource(StrEnum):
    """Kinds whose pods' logs can be read."""

    POD = "Pod"
    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"
    JOB = "Job"


class LogQuery(InNamespace):
    """Parameters of pod-logs."""

    kind: LogSource = LogSource.POD
    """Kind of the object."""
    name: Name = ""
    """Name of the pod, or of the object that owns the pods; give either this or selector."""
    selector: Annotated[str, Field(max_length=1024)] = ""
    """Label selector of the pods, as for kubectl."""
    container: Annotated[str, Field(max_length=63)] = ""
    """Container; the pod's default container if empty."""
    lines: Annotated[int, Field(ge=1, le=10000)] = 50
    """Maximum number of lines per pod, from the end."""
    since: Duration | None = None
    """How far back; from the beginning if absent."""
    previous: bool = False
    """Whether to read the container's previous run, for example after a crash."""
    max_pods: Annotated[int, Field(ge=1, le=100)] = 10
    """Maximum number of pods, newest first."""

    @model_validator(mode="after")
    def _one(self) -> LogQuery:
        if bool(self.name) == bool(self.selector):
            raise ValueError("give either name or selector")
        return self


class Logs(Outputs):
    """Outputs of pod-logs."""

    bulky = ("text", "pods")
    keep_end = frozenset({"text"})

    text: str
    """The logs, pod after pod; only the end of long logs, while the node's own log has all
    lines."""
    pods: list[str]
    """Names of the pods."""
    truncated: bool = False
    """Whether an output was truncated."""


def pod_logs(parameters: LogQuery, context: Context) -> Logs:
    """Reads the logs of a pod, of a workload's pods or of the pods that a selector matches."""
    cluster = context.cluster()
    namespace = parameters.in_namespace(context)
    found = _pods(parameters, cluster, namespace)
    if not found:
        what = parameters.selector or f"{parameters.kind} {parameters.name}"
        raise ActionError(f"there is no pod of {what} in namespace {namespace}", permanent=True)
    newest = sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
    pods = newest[: parameters.max_pods]
    texts = [_log(parameters, context, cluster, pod) for pod in pods]
    for text in texts:
        context.log(text)
    return Logs(
        text="\n".join(texts) if len(texts) > 1 else texts[0].partition("\n")[2],
        pods=[pod["metadata"]["name"] for pod in pods],
        truncated=len(found) > len(pods),
    )


def _pods(parameters: LogQuery, cluster: BlockingClient, namespace: str) -> Sequence[Object]:
    if parameters.selector:
        return cluster.list(PODS, namespace, label_selector=parameters.selector)
    if parameters.kind is LogSource.POD:
        return [cluster.get(PODS, namespace, parameters.name)]
    resource: Resource = {**RESOURCES, LogSource.JOB: JOBS}[parameters.kind]
    workload = cluster.get(resource, namespace, parameters.name)
    return cluster.list(PODS, namespace, label_selector=selector(workload))


def _log(parameters: LogQuery, context: Context, cluster: BlockingClient, pod: Object) -> str:
    """A heading and the log, or why a container has no log."""
    name, container = pod["metadata"]["name"], parameters.container or _default_container(pod)
    previous = parameters.previous
    for left in reversed(range(TRIES)):
        try:
            text = _read(parameters, cluster, pod, container, previous=previous)
            break
        except LogGoneError as error:
            text = f"({error.message})"
            if left:
                context.clock.sleep(PAUSE_SECONDS)
                # Of a container that has crashed too, the kubelet has removed the run before.
                pod = cluster.get(PODS, pod["metadata"]["namespace"], name)
                previous = parameters.previous and _is_running(pod, container)
        except ApiError as error:
            if error.status != 400:  # 400: waiting to start, or no previous run
                raise
            text = f"({error.message})"
            break
    return f"== {name}/{container}\n{text.rstrip()}"


def _is_running(pod: Object, container: str) -> bool:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return any(each["name"] == container and "running" in each["state"] for each in statuses)


def _read(
    parameters: LogQuery, cluster: BlockingClient, pod: Object, container: str, *, previous: bool
) -> str:
    since = parse_duration(parameters.since) if parameters.since else None
    return cluster.log(
        pod["metadata"]["namespace"],
        pod["metadata"]["name"],
        container,
        lines=parameters.lines,
        seconds=max(1, round(since)) if since else None,
        previous=previous,
    )


def _default_container(pod: Object) -> str:
    annotations = pod["metadata"].get("annotations") or {}
    return str(annotations.get(DEFAULT_CONTAINER) or pod["spec"]["containers"][0]["name"])


ACTION = Action(
    name="pod-logs",
    title="Read pods' logs",
    category="kubernetes",
    icon="file-text",
    parameters=LogQuery,
    outputs=Logs,
    run=pod_logs,
    retries=READ_RETRIES,
    classify=classify,
    rights=(
        Right(
            PODS,
            {
                "get": "read the pod that is named",
                "list": "find the pods of a workload or selector",
            },
        ),
        Right(PODS, {"get": "read the logs"}, subresource="log"),
        *(
            Right(resource, {"get": "read the selector of the workload's pods"})
            for resource in (*RESOURCES.values(), JOBS)
        ),
    ),
    family=Family.DIAGNOSTICS,
    example="""
        nodes:
        - name: logs
          action: pod-logs
          with: {kind: Deployment, name: web, lines: 100, since: 15m}
    """,
)
