"""An Incident's timeline: what changed since it was last reconciled.

The observed spec is stored with the timeline in the same write, so that each change is recorded
exactly once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.engine.times import to_rfc3339
from orchestrator.models.incident import IncidentSpec, Note, TimelineEntry

MAX_ENTRIES = 200
MAX_VALUE = 512
FIELDS = ("title", "severity", "state", "assignee", "escalation", "summary", "links")


def extend(
    timeline: Sequence[TimelineEntry], observed: IncidentSpec | None, spec: IncidentSpec, now: float
) -> list[TimelineEntry]:
    """The timeline with the changes; an incident that is new has its initial state."""
    at = to_rfc3339(now)
    if observed is None:
        entries = [TimelineEntry(at=at, field="state", to=spec.state.value)]
    else:
        entries = [
            TimelineEntry(at=at, field=field, from_=_shown(observed, field), to=_shown(spec, field))
            for field in FIELDS
            if getattr(observed, field) != getattr(spec, field)
        ]
    known = {note.id for note in observed.notes} if observed else set()
    entries += [
        TimelineEntry(at=at, field="note", to=_shortened(_signed(note)))
        for note in spec.notes
        if note.id not in known
    ]
    return [*timeline, *entries][-MAX_ENTRIES:]


def _signed(note: Note) -> str:
    return f"{note.author}: {note.text}" if note.author else note.text


def _shown(spec: IncidentSpec, field: str) -> str:
    value: Any = getattr(spec, field)
    if field == "links":
        value = ", ".join(f"{link.title} {link.url}".strip() for link in spec.links)
    return _shortened(str(value))


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 1]}…"
