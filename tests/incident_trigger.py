"""A custom trigger type with a watch source: it fires when an Incident is created."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.engine.times import from_rfc3339
from orchestrator.models.base import Line, Model
from orchestrator.triggers.sources import Event, Watch
from orchestrator.triggers.trigger_type import TriggerType


class Opened(Model):
    """Incidents of the namespace."""

    severity: Line
    """Of this severity."""


class IncidentOpened(Model):
    """The event: an Incident was opened."""

    title: Line
    """Its title."""


def _moment(raw: Mapping[str, Any]) -> float:
    return from_rfc3339(raw["metadata"]["creationTimestamp"])


def _event(_settings: Opened, raw: Mapping[str, Any]) -> Event:
    title = {"title": raw["spec"]["title"]}
    return Event(OPENED.key, raw["metadata"]["uid"], title, _moment(raw))


OPENED = TriggerType(
    key="opened",
    starts="Starts when an Incident is opened.",
    settings=Opened,
    event=IncidentOpened,
    source=Watch(
        resource="incidents",
        moment=_moment,
        projection=lambda raw: {**raw, "spec": {"severity": raw["spec"]["severity"]}},
        matches=lambda settings, raw: settings.severity == raw["spec"]["severity"],
        event=_event,
    ),
)
