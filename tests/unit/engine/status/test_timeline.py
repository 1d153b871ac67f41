"""An incident's timeline."""

from __future__ import annotations

from typing import Any

from orchestrator.engine.status.timeline import MAX_ENTRIES, MAX_VALUE, extend
from orchestrator.models.incident import IncidentSpec


def incident(**fields: Any) -> IncidentSpec:
    return IncidentSpec.model_validate({"title": "checkout is down", **fields})


def test_an_incident_begins_with_its_state() -> None:
    (entry,) = extend([], None, incident(), 0.0)
    assert (entry.field, entry.from_, entry.to) == ("state", None, "Open")


def test_each_change_is_one_entry() -> None:
    after = incident(
        state="Resolved",
        severity="High",
        assignee="ana",
        links=[{"title": "logs", "url": "https://logs.example.com"}],
    )
    entries = extend([], incident(), after, 1.5)
    assert [(entry.field, entry.from_, entry.to) for entry in entries] == [
        ("severity", "Medium", "High"),
        ("state", "Open", "Resolved"),
        ("assignee", "", "ana"),
        ("links", "", "logs https://logs.example.com"),
    ]
    assert {entry.at for entry in entries} == {"1970-01-01T00:00:01.500Z"}


def test_each_new_note_is_an_entry_of_its_own() -> None:
    first = {"id": "1", "text": "seen", "author": "ana"}
    second = {"id": "2", "text": "x" * 1024}
    before = incident(notes=[first])
    (_, entry) = extend([], None, before, 0.0)
    assert (entry.field, entry.from_, entry.to) == ("note", None, "ana: seen")
    (entry,) = extend([], before, incident(notes=[first, second]), 0.0)
    assert (entry.field, len(entry.to)) == ("note", MAX_VALUE)
    assert extend([], incident(notes=[first, second]), incident(notes=[second]), 0.0) == []


def test_an_incident_that_did_not_change_has_no_new_entry() -> None:
    assert extend([], incident(), incident(), 0.0) == []


def test_the_newest_entries_are_kept_and_values_shortened() -> None:
    timeline = extend([], None, incident(), 0.0)
    before = incident()
    for number in range(MAX_ENTRIES + 50):
        after = incident(summary=f"{number} " + "x" * 4000)
        timeline = extend(timeline, before, after, float(number))
        before = after
    assert len(timeline) == MAX_ENTRIES
    assert timeline[-1].to.startswith(f"{MAX_ENTRIES + 49} ")
    assert all(len(entry.to) <= MAX_VALUE for entry in timeline)
