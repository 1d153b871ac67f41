"""`incident`: each entry of an Incident's timeline is one event."""

from __future__ import annotations

from tests.unit.triggers.watched_objects import AT, entry, found, incident

ALL = {"transitions": ["Opened", "Acknowledged", "Escalated", "Resolved"]}
LATER = "2026-01-31T12:05:00Z"


def transitions(raw: dict[str, object], **settings: object) -> list[str]:
    return [event.data["transition"] for event in found(raw, incident=settings)]


def test_every_transition_is_found_in_the_timeline() -> None:
    raw = incident(
        entry("state", "Open"),
        entry("assignee", "ana"),
        entry("escalation", "sre-leads"),
        entry("state", "Acknowledged", before="Open"),
        entry("escalation", "", before="sre-leads"),
        entry("state", "Resolved", before="Acknowledged"),
        entry("state", "Open", LATER, before="Resolved"),
    )
    assert transitions(raw, **ALL) == [
        "Opened", "Escalated", "Acknowledged", "Resolved", "Opened"
    ]  # fmt: skip
    assert transitions(raw) == ["Opened", "Opened"], "Opened is the default"
    first, again = found(raw, incident={})
    assert first.identity != again.identity
    assert (first.at, again.at) == (AT, AT + 300)


def test_only_those_of_a_severity() -> None:
    assert transitions(incident(severity="Low"), severities=["Critical", "High"]) == []
    assert transitions(incident(severity="High"), severities=["Critical", "High"]) == ["Opened"]


def test_a_later_change_shows_the_same_events_and_a_deletion_none() -> None:
    raw = incident()
    before = [event.identity for event in found(raw, incident={})]
    raw["metadata"]["resourceVersion"] = "99"
    assert [event.identity for event in found(raw, incident={})] == before
    assert found(raw, "DELETED", incident={}) == []


def test_an_incident_that_the_operator_has_not_recorded_yet_is_no_event() -> None:
    raw = incident()
    del raw["status"]
    assert found(raw, incident={}) == []


def test_an_incident_that_velero_restored_is_not_opened_by_that() -> None:
    raw = incident(entry("state", "Open"), entry("state", "Resolved", LATER, before="Open"))
    raw["metadata"]["labels"] = {"velero.io/restore-name": "monday"}
    assert transitions(raw, **ALL) == ["Resolved"]
