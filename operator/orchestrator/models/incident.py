"""Incident: something is wrong, who has it, and what happened to it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from orchestrator.models.base import Line, Model, Text, Timestamp
from orchestrator.models.condition import Condition


class Severity(StrEnum):
    CRITICAL = "Critical"
    HIGH = "High"
    MEDIUM = "Medium"
    LOW = "Low"


class IncidentState(StrEnum):
    OPEN = "Open"
    ACKNOWLEDGED = "Acknowledged"
    RESOLVED = "Resolved"


class Link(Model):
    """A page that belongs to the incident."""

    title: Line = ""
    """What it is."""
    url: Annotated[str, Field(min_length=1, max_length=2048)]
    """Where it is."""


class IncidentSpec(Model):
    """An incident as people and workflows write it."""

    title: Annotated[str, Field(min_length=1, max_length=256)]
    """What is wrong, in one line."""
    severity: Severity = Severity.MEDIUM
    """How bad it is."""
    state: IncidentState = IncidentState.OPEN
    """State of the incident."""
    assignee: Annotated[str, Field(max_length=253)] = ""
    """Who has it."""
    escalation: Annotated[str, Field(max_length=253)] = ""
    """To whom it was escalated."""
    summary: Text = ""
    """What is known."""
    links: Annotated[list[Link], Field(max_length=32)] = []
    """Pages that belong to it."""


class TimelineEntry(Model):
    """One change of an incident."""

    at: Timestamp
    """When the operator saw it."""
    field: Annotated[str, Field(max_length=32)]
    """Which field changed."""
    from_: Annotated[str | None, Field(alias="from", max_length=512)] = None
    """Its value before, shortened."""
    to: Annotated[str, Field(max_length=512)]
    """Its value after, shortened."""


class IncidentStatus(Model):
    """What the operator recorded of an incident."""

    observed_generation: int | None = None
    """The generation that the timeline includes."""
    conditions: Annotated[list[Condition], Field(max_length=16)] = []
    """Ready."""
    timeline: Annotated[list[TimelineEntry], Field(max_length=200)] = []
    """The last 200 changes, oldest first."""
    observed: IncidentSpec | None = None
    """The spec that the timeline's last entry led to."""
