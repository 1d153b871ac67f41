"""Incident: its severity, state and assignee, and the timeline of its changes."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from orchestrator.models.base import Line, Model, Text, Timestamp
from orchestrator.models.condition import Condition


class Severity(StrEnum):
    """The severity of an incident."""

    CRITICAL = "Critical"
    HIGH = "High"
    MEDIUM = "Medium"
    LOW = "Low"


class IncidentState(StrEnum):
    """The state of an incident."""

    OPEN = "Open"
    ACKNOWLEDGED = "Acknowledged"
    RESOLVED = "Resolved"


class Link(Model):
    """A web page about the incident."""

    title: Line = ""
    """Title of the page."""
    url: Annotated[str, Field(min_length=1, max_length=2048)]
    """URL of the page."""


MAX_NOTES = 32
"""Maximum number of notes of an incident."""


class Note(Model):
    """A note of a person or a workflow."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
    """Identifies the note, so that the same note is not added twice."""
    text: Annotated[str, Field(min_length=1, max_length=1024)]
    """Text of the note."""
    author: Annotated[str, Field(max_length=253)] = ""
    """Person, or workflow and node, that wrote the note."""


class IncidentSpec(Model):
    """Desired incident, written by people and workflows."""

    title: Annotated[str, Field(min_length=1, max_length=256)]
    """Title of the incident, in one line."""
    severity: Severity = Severity.MEDIUM
    """Severity of the incident."""
    state: IncidentState = IncidentState.OPEN
    """State of the incident."""
    assignee: Annotated[str, Field(max_length=253)] = ""
    """Person or team that works on the incident."""
    escalation: Annotated[str, Field(max_length=253)] = ""
    """Person or team to which the incident is escalated."""
    summary: Text = ""
    """Summary of the incident."""
    links: Annotated[list[Link], Field(max_length=32)] = []
    """Web pages about the incident."""
    notes: Annotated[list[Note], Field(max_length=MAX_NOTES)] = []
    """The last notes, oldest first; the timeline contains earlier ones."""


class TimelineEntry(Model):
    """One change of an incident."""

    at: Timestamp
    """Time at which the operator observed the change."""
    field: Annotated[str, Field(max_length=32)]
    """Field that changed."""
    from_: Annotated[str | None, Field(alias="from", max_length=512)] = None
    """Previous value, shortened."""
    to: Annotated[str, Field(max_length=512)]
    """New value, shortened."""


class IncidentStatus(Model):
    """Observed state and history of an incident."""

    observed_generation: int | None = None
    """Latest generation in the timeline."""
    conditions: Annotated[list[Condition], Field(max_length=16)] = []
    """Ready."""
    timeline: Annotated[list[TimelineEntry], Field(max_length=200)] = []
    """The last 200 changes, oldest first."""
    observed: IncidentSpec | None = None
    """Spec after the last entry of the timeline."""
