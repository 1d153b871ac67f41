"""describe-events: what Kubernetes reported about an object, a workload or a namespace."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from orchestrator.actions.action import Action, Context, Family, Outputs, Right
from orchestrator.actions.cluster import Object, classify
from orchestrator.actions.kubernetes.targets import READ_RETRIES, InNamespace, Name
from orchestrator.actions.kubernetes.workloads import RESOURCES, WorkloadKind, selector
from orchestrator.kube.resources import EVENTS, PODS, REPLICA_SETS
from orchestrator.models.base import Duration, parse_duration

if TYPE_CHECKING:
    from orchestrator.kube.blocking import BlockingClient


class EventType(StrEnum):
    NORMAL = "Normal"
    WARNING = "Warning"


class EventQuery(InNamespace):
    """Parameters of describe-events."""

    kind: Annotated[str, Field(max_length=63)] = ""
    """Kind of the object, such as Deployment or Pod; any if empty."""
    name: Name = ""
    """Name of the object; the whole namespace if empty."""
    related: bool = True
    """Whether to include the events of a workload's ReplicaSets and pods."""
    type: EventType | None = None
    """Only Normal or only Warning events; both if absent."""
    since: Duration = "1h"
    """How far back."""
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    """Maximum number of events reported, newest first."""


class EventList(Outputs):
    """Outputs of describe-events."""

    bulky = ("summary", "reasons")

    count: int
    """Number of events."""
    warnings: int
    """Number of warnings among them."""
    reasons: list[str]
    """Distinct reasons, newest first."""
    summary: str
    """One line per event, newest first; empty without events."""
    truncated: bool = False
    """Whether an output was truncated."""


def describe_events(parameters: EventQuery, context: Context) -> EventList:
    """Reports the events of an object, a workload or a namespace, newest first."""
    cluster, now = context.cluster(), context.clock.now()
    namespace = parameters.in_namespace(context)
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
    """Uids of a workload, its ReplicaSets and its pods; empty unless requested for a workload."""
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
    """When the event was last seen; the field depends on the library that wrote it."""
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


ACTION = Action(
    name="describe-events",
    title="Describe events",
    category="kubernetes",
    icon="list",
    parameters=EventQuery,
    outputs=EventList,
    run=describe_events,
    retries=READ_RETRIES,
    classify=classify,
    rights=(
        Right(EVENTS, {"list": "list the Events"}),
        Right(REPLICA_SETS, {"list": "find the ReplicaSets whose Events belong to a Deployment"}),
        Right(PODS, {"list": "find the pods whose Events belong to a workload"}),
        *(
            Right(resource, {"get": "read the uid of the workload and the selector of its pods"})
            for resource in RESOURCES.values()
        ),
    ),
    family=Family.DIAGNOSTICS,
    example="""
        nodes:
        - name: events
          action: describe-events
          with: {kind: Deployment, name: web, type: Warning, since: 30m}
    """,
)
