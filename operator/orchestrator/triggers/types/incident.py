"""`incident`: an Incident of the namespace was opened, acknowledged, escalated or resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from orchestrator.engine.lifecycle.restored import VELERO
from orchestrator.engine.times import from_rfc3339, to_rfc3339
from orchestrator.models.base import GROUP, VERSION, Json, Line, Model, ObjectName, Text, Uid
from orchestrator.models.base import Timestamp as Moment
from orchestrator.models.chain import chain_of
from orchestrator.models.incident import IncidentState, Severity
from orchestrator.triggers.sources import Change, Changes, Event, WatchedResource
from orchestrator.triggers.trigger_type import SAMPLE_UID, TriggerType


class Transition(StrEnum):
    """What happens to an incident."""

    OPENED = "Opened"
    ACKNOWLEDGED = "Acknowledged"
    ESCALATED = "Escalated"
    RESOLVED = "Resolved"


_BY_STATE = {
    "Open": Transition.OPENED,
    "Acknowledged": Transition.ACKNOWLEDGED,
    "Resolved": Transition.RESOLVED,
}


class IncidentTransitions(Model):
    """Transitions of the namespace's Incidents."""

    transitions: Annotated[list[Transition], Field(min_length=1, max_length=4)] = [
        Transition.OPENED
    ]
    """Opened (again, too), Acknowledged, Escalated to someone, or Resolved."""
    severities: Annotated[list[Severity], Field(min_length=1, max_length=4)] | None = None
    """Only of Incidents with one of these severities."""


class IncidentTransition(Model):
    """The event: an entry of an Incident's timeline."""

    name: ObjectName
    """Name of the Incident."""
    namespace: Line
    """Its namespace, which is the Trigger's."""
    uid: Uid
    """Its uid."""
    transition: Transition
    """What happened to it."""
    at: Moment
    """When the operator saw it."""
    title: Line
    """What is wrong."""
    severity: Severity
    """How bad it is."""
    state: IncidentState
    """Its state now."""
    assignee: Line
    """Who has it; empty if no one does."""
    escalation: Line
    """To whom it was escalated; empty if it was not."""
    summary: Text
    """What is known."""
    links: Annotated[list[Json], Field(max_length=32)]
    """Pages that belong to it, each with title and url."""
    labels: Annotated[dict[str, Line], Field(max_length=512)]
    """Its labels."""


def events_of(settings: IncidentTransitions, change: Change) -> Sequence[Event]:
    """The events of its timeline; each later change of the Incident shows them too."""
    raw = change.object
    status = raw.get("status") or {}
    spec = status.get("observed") or {}
    if change.type == "DELETED" or not spec:
        return ()
    severity = spec.get("severity") or Severity.MEDIUM.value
    if settings.severities is not None and severity not in settings.severities:
        return ()
    restored = VELERO in (raw["metadata"].get("labels") or {})
    found = [
        (_transition(entry), entry)
        for entry in status.get("timeline") or ()
        # Velero restores no status, so the timeline begins with the restore: it was opened before.
        if not (restored and entry["field"] == "state" and entry.get("from") is None)
    ]
    return tuple(
        _event(raw, spec, transition, entry)
        for transition, entry in found
        if transition in settings.transitions
    )


def _transition(entry: Mapping[str, Any]) -> Transition | None:
    match entry["field"]:
        case "state":
            return _BY_STATE.get(entry["to"])
        case "escalation" if entry["to"]:
            return Transition.ESCALATED
    return None


def _event(
    raw: Mapping[str, Any],
    spec: Mapping[str, Any],
    transition: Transition | None,
    entry: Mapping[str, Any],
) -> Event:
    assert transition is not None
    metadata, at = raw["metadata"], from_rfc3339(entry["at"])
    chain = chain_of(metadata.get("annotations"), at)
    data = {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
        "transition": transition.value,
        "at": entry["at"],
        "title": spec["title"],
        "severity": spec.get("severity") or Severity.MEDIUM.value,
        "state": spec.get("state") or IncidentState.OPEN.value,
        "assignee": spec.get("assignee") or "",
        "escalation": spec.get("escalation") or "",
        "summary": spec.get("summary") or "",
        "links": spec.get("links") or [],
        "labels": metadata.get("labels") or {},
    }
    identity = f"{metadata['uid']}/{entry['at']}/{entry['field']}/{entry['to']}"
    return Event(INCIDENT.key, identity, data, at, chain.depth + 1, root=chain.root)


def _sample(settings: IncidentTransitions, at: float) -> dict[str, Any]:
    transition = settings.transitions[0]
    states = {of: state for state, of in _BY_STATE.items()}
    return {
        "name": "sample",
        "namespace": "default",
        "uid": SAMPLE_UID,
        "transition": transition.value,
        "at": to_rfc3339(at),
        "title": "a sample",
        "severity": (settings.severities or [Severity.MEDIUM])[0].value,
        "state": states.get(transition, IncidentState.OPEN.value),
        "assignee": "",
        "escalation": "second-level" if transition is Transition.ESCALATED else "",
        "summary": "",
        "links": [],
        "labels": {},
    }


INCIDENT: TriggerType[Any] = TriggerType(
    key="incident",
    starts="Starts when an Incident was opened, acknowledged, escalated or resolved.",
    settings=IncidentTransitions,
    event=IncidentTransition,
    source=Changes(lambda _: WatchedResource(GROUP, VERSION, "incidents"), events_of),
    sample=_sample,
)
