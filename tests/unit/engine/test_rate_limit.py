"""Queued executions of a Trigger with the policy Newest: which makes way for which."""

from __future__ import annotations

from typing import Any

from orchestrator.engine.lifecycle.rate_limit import (
    replaced_by_newer,
    replaces,
    starts_if_newest,
)


def queued(name: str, created: int, slot: int) -> dict[str, Any]:
    """An execution that waits for its slot; both in seconds after noon."""
    not_before = f"2026-01-31T12:00:{slot:02}Z"
    trigger = {"name": "t", "uid": "t", "overLimit": "Newest", "notBefore": not_before}
    metadata = {
        "namespace": "shop",
        "name": name,
        "uid": name,
        "creationTimestamp": f"2026-01-31T12:00:{created:02}Z",
    }
    return {"metadata": metadata, "spec": {"workflow": "w", "trigger": trigger}}


def test_a_newer_one_with_the_same_slot_replaces_the_older() -> None:
    older, newer = queued("a", 1, 30), queued("b", 2, 30)
    refusal = replaced_by_newer(older, [older, newer])
    assert refusal is not None
    assert refusal.message.startswith("b replaces it")
    assert replaced_by_newer(newer, [older, newer]) is None
    assert list(replaces(newer, [older, newer])) == [older]


def test_a_newer_one_with_a_later_slot_leaves_the_older_its_own() -> None:
    """It counted the older one, which was about to start."""
    older, newer = queued("a", 1, 30), queued("b", 28, 50)
    assert replaced_by_newer(older, [older, newer]) is None
    assert list(replaces(newer, [older, newer])) == []


def test_one_that_missed_its_slot_makes_way_for_a_newer_one_that_started_in_it() -> None:
    older, newer = queued("a", 1, 30), queued("b", 2, 30)
    newer["status"] = {"phase": "Succeeded", "startedAt": "2026-01-31T12:00:30Z"}
    assert replaced_by_newer(older, [older, newer]) is not None
    older["status"], newer["status"] = newer["status"], {}
    assert list(replaces(newer, [older, newer])) == []


def test_only_what_has_waited_for_a_slot_starts_if_it_is_the_newest() -> None:
    waiting, immediate, in_turn = (queued("a", 1, 30) for _ in range(3))
    del immediate["spec"]["trigger"]["notBefore"]
    in_turn["spec"]["trigger"]["overLimit"] = "Queue"
    assert [starts_if_newest(each) for each in (waiting, immediate, in_turn)] == [
        True,
        False,
        False,
    ]
