"""`kubernetesEvent`: a Kubernetes Event, such as BackOff or FailedScheduling, was reported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from orchestrator.engine.times import from_rfc3339, to_rfc3339
from orchestrator.models.base import (
    Duration,
    Line,
    Model,
    ObjectName,
    Text,
    Timestamp,
    parse_duration,
)
from orchestrator.triggers.sources import Change, Changes, Event, WatchedResource
from orchestrator.triggers.trigger_type import SAMPLE_UID, TriggerType
from orchestrator.triggers.watched import is_about_execution, written_at
from orchestrator.validation.problem import Problem
from orchestrator.validation.rules.times import positive

MAX_WINDOW = 24 * 3600.0
"""Maximum window in seconds: executions that triggers made are kept as long at least."""
_Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=253)]],
                   Field(min_length=1, max_length=32)]  # fmt: skip


class Type(StrEnum):
    """The types of Kubernetes Events."""

    NORMAL = "Normal"
    WARNING = "Warning"


class ReportedEvents(Model):
    """Kubernetes Events of the namespace."""

    reasons: _Names
    """Only with one of these reasons, such as BackOff."""
    types: Annotated[list[Type], Field(min_length=1, max_length=2)] | None = None
    """Only of one of these types; of any if absent."""
    kinds: _Names | None = None
    """Only about objects of one of these kinds, such as Pod; of any if absent."""
    names: _Names | None = None
    """Only about objects with one of these names; with any if absent."""
    window: Duration = "10m"
    """How long the same reason of the same object starts nothing new, from the execution that it
    started last."""


class InvolvedObject(Model):
    """The object that an Event is about."""

    kind: Line
    """Its kind."""
    name: ObjectName
    """Its name."""
    namespace: Line
    """Its namespace, which is the Trigger's."""
    uid: Line
    """Its uid; empty if the Event does not name it."""
    field_path: Line
    """The part of it, such as `spec.containers{web}`; empty for all of it."""


class ReportedEvent(Model):
    """The event: a Kubernetes Event."""

    reason: Line
    """Its reason."""
    type: Line
    """Normal or Warning."""
    message: Text
    """Its message."""
    object: InvolvedObject
    """The object that it is about."""
    count: int
    """How often it was reported so far."""
    first_seen: Timestamp
    """When it was reported first."""
    last_seen: Timestamp
    """When it was reported last."""
    source: Line
    """The component that reported it."""


def events_of(settings: ReportedEvents, change: Change) -> Sequence[Event]:
    """The event of a report, or nothing. Deleted Events have only expired.

    The identity is that of the report; `key` is what the window applies to.
    """
    raw = change.object
    involved = raw.get("involvedObject") or {}
    if change.type == "DELETED" or not _selected(settings, raw, involved):
        return ()
    if is_about_execution(involved):
        return ()
    metadata, series = raw["metadata"], raw.get("series") or {}
    first = raw.get("firstTimestamp") or raw.get("eventTime") or metadata["creationTimestamp"]
    last = series.get("lastObservedTime") or raw.get("lastTimestamp") or first
    count = int(series.get("count") or raw.get("count") or 1)
    reporter = raw.get("reportingComponent") or (raw.get("source") or {}).get("component") or ""
    data = {
        "reason": raw.get("reason") or "",
        "type": raw.get("type") or "",
        "message": str(raw.get("message") or "")[:4096],
        "object": {
            "kind": involved.get("kind") or "",
            "name": involved.get("name") or "",
            "namespace": involved.get("namespace") or metadata["namespace"],
            "uid": involved.get("uid") or "",
            "fieldPath": involved.get("fieldPath") or "",
        },
        "count": count,
        "firstSeen": to_rfc3339(from_rfc3339(first)),
        "lastSeen": to_rfc3339(from_rfc3339(last)),
        "source": reporter,
    }
    about = involved.get("uid") or f"{involved.get('kind')}/{involved.get('name')}"
    return (
        Event(
            KUBERNETES_EVENT.key,
            f"{metadata['uid']}/{count}/{last}",
            data,
            written_at(change),
            key=f"{about}/{raw.get('reason')}",
            window=parse_duration(settings.window),
        ),
    )


def _selected(
    settings: ReportedEvents, raw: Mapping[str, Any], involved: Mapping[str, Any]
) -> bool:
    return (
        raw.get("reason") in settings.reasons
        and (settings.types is None or raw.get("type") in settings.types)
        and (settings.kinds is None or involved.get("kind") in settings.kinds)
        and (settings.names is None or involved.get("name") in settings.names)
    )


def _problems(path: str, settings: ReportedEvents) -> Iterator[Problem]:
    yield from positive(f"{path}.window", settings.window)
    if parse_duration(settings.window) > MAX_WINDOW:
        yield Problem(f"{path}.window", f"{settings.window} is too long: at most 24h")


def _sample(settings: ReportedEvents, at: float) -> dict[str, Any]:
    return {
        "reason": settings.reasons[0],
        "type": (settings.types or [Type.WARNING])[0].value,
        "message": "a sample",
        "object": {
            "kind": (settings.kinds or ["Pod"])[0],
            "name": (settings.names or ["sample"])[0],
            "namespace": "default",
            "uid": SAMPLE_UID,
            "fieldPath": "",
        },
        "count": 1,
        "firstSeen": to_rfc3339(at),
        "lastSeen": to_rfc3339(at),
        "source": "kubelet",
    }


KUBERNETES_EVENT: TriggerType[Any] = TriggerType(
    key="kubernetesEvent",
    starts="Starts when a Kubernetes Event was reported.",
    settings=ReportedEvents,
    event=ReportedEvent,
    source=Changes(lambda _: WatchedResource("", "v1", "events"), events_of, level=False),
    problems=_problems,
    sample=_sample,
)
