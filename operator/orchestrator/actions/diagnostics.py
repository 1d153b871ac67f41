"""Actions that find out what is wrong on Kubernetes; they only read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from orchestrator.actions.action import Action, ActionError, Context, Outputs, Parameters
from orchestrator.actions.cluster import classify
from orchestrator.actions.workloads import RESOURCES, WorkloadKind, selector
from orchestrator.kube.blocking import BlockingClient, Object
from orchestrator.kube.errors import ApiError
from orchestrator.kube.resources import EVENTS, JOBS, PODS, REPLICA_SETS, Resource
from orchestrator.models.base import Duration, parse_duration

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
"""Annotation of a pod: the container that `kubectl logs` takes."""

Namespace = Annotated[str, Field(max_length=63)]
Name = Annotated[str, Field(max_length=253)]


class LogSource(StrEnum):
    """Kinds whose pods' logs can be read."""

    POD = "Pod"
    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    DAEMON_SET = "DaemonSet"
    JOB = "Job"


class LogQuery(Parameters):
    """Parameters of pod-logs."""

    kind: LogSource = LogSource.POD
    """Kind of the object that name names."""
    name: Name = ""
    """Name of the pod, or of the object whose pods are meant; give either this or selector."""
    selector: Annotated[str, Field(max_length=1024)] = ""
    """Label selector of the pods, as for kubectl."""
    namespace: Namespace = ""
    """Their namespace; the execution's own when empty."""
    container: Annotated[str, Field(max_length=63)] = ""
    """Container; each pod's default one when empty."""
    lines: Annotated[int, Field(ge=1, le=10000)] = 50
    """Most lines of each pod, from the end."""
    since: Duration | None = None
    """How far back; from the beginning when absent."""
    previous: bool = False
    """Whether to read the container's previous run, as after a crash."""
    max_pods: Annotated[int, Field(ge=1, le=100)] = 10
    """Most pods, newest first."""

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
    """The logs, pod after pod, the end of them when they are long; all lines are in the node's
    own log."""
    pods: list[str]
    """The pods that were read."""
    truncated: bool = False
    """Whether something was left out."""


def pod_logs(parameters: LogQuery, context: Context) -> Logs:
    """Reads the logs of a pod, of a workload's pods or of those that a selector finds."""
    cluster = context.cluster()
    namespace = parameters.namespace or context.identity.namespace
    found = _pods(parameters, cluster, namespace)
    if not found:
        what = parameters.selector or f"{parameters.kind} {parameters.name}"
        raise ActionError(f"there is no pod of {what} in namespace {namespace}", permanent=True)
    newest = sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
    pods = newest[: parameters.max_pods]
    texts = [_log(parameters, cluster, namespace, pod) for pod in pods]
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


def _log(parameters: LogQuery, cluster: BlockingClient, namespace: str, pod: Object) -> str:
    """A heading and the log; a container that has none says why instead."""
    name, container = pod["metadata"]["name"], parameters.container or _default_container(pod)
    since = parse_duration(parameters.since) if parameters.since else None
    try:
        text = cluster.log(
            namespace,
            name,
            container,
            lines=parameters.lines,
            seconds=max(1, round(since)) if since else None,
            previous=parameters.previous,
        )
    except ApiError as error:
        if error.status != 400:  # 400: waiting to start, or no previous run
            raise
        text = f"({error.message})"
    return f"== {name}/{container}\n{text.rstrip()}"


def _default_container(pod: Object) -> str:
    annotations = pod["metadata"].get("annotations") or {}
    return str(annotations.get(DEFAULT_CONTAINER) or pod["spec"]["containers"][0]["name"])


class EventType(StrEnum):
    NORMAL = "Normal"
    WARNING = "Warning"


class EventQuery(Parameters):
    """Parameters of describe-events."""

    kind: Annotated[str, Field(max_length=63)] = ""
    """Kind of the object, such as Deployment or Pod; any when empty."""
    name: Name = ""
    """Name of the object; the whole namespace when empty."""
    namespace: Namespace = ""
    """Their namespace; the execution's own when empty."""
    related: bool = True
    """Whether a workload's events include those of its ReplicaSets and pods."""
    type: EventType | None = None
    """Only Normal or only Warning events; both when absent."""
    since: Duration = "1h"
    """How far back."""
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    """Most events told, newest first."""


class EventList(Outputs):
    """Outputs of describe-events."""

    bulky = ("summary", "reasons")

    count: int
    """How many events there are."""
    warnings: int
    """How many of them are warnings."""
    reasons: list[str]
    """Their reasons, each once, newest first."""
    summary: str
    """One line an event, newest first; empty without events."""
    truncated: bool = False
    """Whether something was left out."""


def describe_events(parameters: EventQuery, context: Context) -> EventList:
    """Tells the events of an object, a workload or a namespace, newest first."""
    cluster, now = context.cluster(), context.clock.now()
    namespace = parameters.namespace or context.identity.namespace
    found = _events(parameters, cluster, namespace)
    since = now - timedelta(seconds=parse_duration(parameters.since))
    events = sorted((event for event in found if _time(event) >= since), key=_time, reverse=True)
    lines = [_line(event, now) for event in events]
    for line in lines or [f"no events since {since:%Y-%m-%dT%H:%M:%SZ}"]:
        context.log(line)
    return EventList(
        count=len(events),
        warnings=sum(event.get("type") == EventType.WARNING for event in events),
        reasons=list(dict.fromkeys(str(event.get("reason", "")) for event in events)),
        summary="\n".join(lines[: parameters.limit]),
        truncated=len(lines) > parameters.limit,
    )


def _events(parameters: EventQuery, cluster: BlockingClient, namespace: str) -> Sequence[Object]:
    of_type = [f"type={parameters.type}"] if parameters.type else []
    related = _related(parameters, cluster, namespace)
    if related:
        events = cluster.list(EVENTS, namespace, field_selector=",".join(of_type))
        return [event for event in events if event["involvedObject"].get("uid") in related]
    fields = {
        "involvedObject.kind": parameters.kind,
        "involvedObject.name": parameters.name,
    }
    chosen = [f"{field}={value}" for field, value in fields.items() if value]
    return cluster.list(EVENTS, namespace, field_selector=",".join([*chosen, *of_type]))


def _related(parameters: EventQuery, cluster: BlockingClient, namespace: str) -> set[str]:
    """Uids of a workload, its ReplicaSets and its pods; none where not asked or not a workload."""
    if not (parameters.related and parameters.name and parameters.kind in RESOURCES):
        return set()
    workload = cluster.get(RESOURCES[parameters.kind], namespace, parameters.name)
    uids, selected = {workload["metadata"]["uid"]}, selector(workload)
    if parameters.kind == WorkloadKind.DEPLOYMENT:
        uids |= _owned(cluster.list(REPLICA_SETS, namespace, label_selector=selected), uids)
    return uids | _owned(cluster.list(PODS, namespace, label_selector=selected), uids)


def _owned(objects: Sequence[Object], owners: set[str]) -> set[str]:
    return {
        found["metadata"]["uid"]
        for found in objects
        if any(owner["uid"] in owners for owner in found["metadata"].get("ownerReferences", []))
    }


def _time(event: Object) -> datetime:
    """When the event was seen last: its fields differ by which library wrote it."""
    series = event.get("series") or {}
    text = (
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"]["creationTimestamp"]
    )
    return datetime.fromisoformat(text)


def _line(event: Object, now: datetime) -> str:
    involved = event["involvedObject"]
    seconds = max(0, round((now - _time(event)).total_seconds()))
    age = f"{seconds}s" if seconds < 120 else f"{seconds // 60}m"
    count = (event.get("series") or {}).get("count") or event.get("count") or 1
    times = f" ({count} times)" if count > 1 else ""
    message = " ".join(str(event.get("message", "")).split())
    return (
        f"{age} ago {event.get('type', EventType.NORMAL)} {event.get('reason', '')} "
        f"{involved.get('kind')}/{involved.get('name')}{times}: {message}"
    )


_RETRIES = (
    "Worth a retry: no answer, throttling, failures of the API server. Never: an object that is "
    "not there, missing permissions. It only reads."
)

POD_LOGS = Action(
    name="pod-logs",
    title="Read pods' logs",
    category="kubernetes",
    icon="file-text",
    parameters=LogQuery,
    outputs=Logs,
    run=pod_logs,
    retries=_RETRIES,
    classify=classify,
    uses_cluster=True,
)

DESCRIBE_EVENTS = Action(
    name="describe-events",
    title="Describe events",
    category="kubernetes",
    icon="list",
    parameters=EventQuery,
    outputs=EventList,
    run=describe_events,
    retries=_RETRIES,
    classify=classify,
    uses_cluster=True,
)
