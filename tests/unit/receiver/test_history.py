"""The history of a trigger: what the watch reports and what this process created, once each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.times import to_rfc3339
from orchestrator.models.labels import DEDUPE, EVENT, MANAGED_BY, NOT_BEFORE, TRIGGER
from orchestrator.receiver.history import Both, Executions, History, project_execution
from orchestrator.triggers.limits import CreatedExecution, Listed
from orchestrator.triggers.plan import PlannedExecution

TRIGGER_METADATA = {"namespace": "shop", "uid": "u", "name": "t"}


def raw(name: str, at: float = 0.0, trigger: str = "u", **labels: str) -> dict[str, Any]:
    metadata = {
        "namespace": "shop",
        "name": name,
        "uid": f"uid-{name}",
        "resourceVersion": "1",
        "creationTimestamp": to_rfc3339(at),
        "labels": {TRIGGER: trigger, MANAGED_BY: "x", EVENT: f"e-{name}", **labels},
    }
    return {"metadata": metadata}


def seen(execution: dict[str, Any]) -> dict[str, Any]:
    projected = project_execution(execution)
    assert projected is not None
    return projected


def planned(event: str, dedupe: str = "") -> PlannedExecution:
    labels = {TRIGGER: "u", EVENT: event} | ({DEDUPE: dedupe} if dedupe else {})
    return PlannedExecution("w", {}, TRIGGER_METADATA, "shop", labels, dedupe, event)


def names(found: Sequence[CreatedExecution]) -> set[str]:
    return {each.name for each in found}


def test_what_was_created_here_counts_once_when_the_watch_reports_it() -> None:
    history = History()
    own = history.of(TRIGGER_METADATA)
    labels = {TRIGGER: "u", EVENT: "e-a", MANAGED_BY: "x"}
    own.add(CreatedExecution(5.0, labels, "a"))
    history.on_event("ADDED", seen(raw("a", 5.0)), None)
    assert len(own) == 1
    history.on_event("DELETED", seen(raw("a", 5.0)), seen(raw("a", 5.0)))
    assert len(own) == 0
    assert own.twins(planned("e-a").labels) == []
    assert own.latest_start(1) is None


def test_twins_have_the_same_event_or_key_and_starts_are_in_order() -> None:
    history = History()
    for number in range(100):
        key = {DEDUPE: "k"} if number == 3 else {}
        history.on_event("ADDED", seen(raw(f"x{number}", float(number), **key)), None)
    own = history.of(TRIGGER_METADATA)
    assert names(own.twins(planned("e-x7", "k").labels)) == {"x7", "x3"}
    assert names(own.twins(planned("other").labels)) == set()
    assert [own.latest_start(count) for count in (1, 2, 100, 101)] == [99.0, 98.0, 0.0, None]
    assert own.latest_start(1, before=50.0) == 50.0


def test_executions_belong_to_the_trigger_that_they_name_now() -> None:
    history = History()
    before, after = seen(raw("a")), seen(raw("a", trigger="v"))
    history.on_event("ADDED", before, None)
    history.on_event("MODIFIED", after, before)
    assert len(history.of(TRIGGER_METADATA)) == 0
    assert len(history.of({"namespace": "shop", "uid": "v"})) == 1
    assert len(history.of({"namespace": "other", "uid": "v"})) == 0


def test_labels_that_an_editor_sets_and_changes_leave_nothing_behind() -> None:
    history = History()
    known = seen(raw("a", trigger="0"))
    history.on_event("ADDED", known, None)
    for number in range(1, 1000):
        relabelled = seen(raw("a", trigger=str(number)))
        history.on_event("MODIFIED", relabelled, known)
        known = relabelled
    assert len(history) == 1
    history.on_event("DELETED", known, known)
    assert len(history) == 0


async def test_what_is_being_created_is_counted_though_the_last_execution_is_deleted() -> None:
    history = History()
    history.on_event("ADDED", seen(raw("a")), None)
    with history.of(TRIGGER_METADATA).creating(planned("e"), 0.0):
        history.on_event("DELETED", seen(raw("a")), seen(raw("a")))
        assert len(history.of(TRIGGER_METADATA).pending) == 1
        waiter = asyncio.create_task(history.of(TRIGGER_METADATA).settled())
        await asyncio.sleep(0)
    await waiter


def test_sub_executions_are_not_the_triggers() -> None:
    execution = raw("a")
    del execution["metadata"]["labels"][TRIGGER]
    assert project_execution(execution) is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 3))))
def test_it_holds_what_exists_whatever_the_order(changes: list[tuple[bool, int, int]]) -> None:
    history, exists = History(), dict[str, float]()
    for added, name, at in changes:
        execution = seen(raw(f"x{name}", float(at)))
        known = exists.get(f"x{name}")
        old = None if known is None else seen(raw(f"x{name}", known))
        if added:
            history.on_event("MODIFIED" if old else "ADDED", execution, old)
            exists[f"x{name}"] = float(at)
        elif old is not None:
            history.on_event("DELETED", old, old)
            del exists[f"x{name}"]
    own = history.of(TRIGGER_METADATA)
    starts = sorted(exists.values(), reverse=True)
    assert [own.latest_start(count + 1) for count in range(len(starts))] == starts
    assert own.latest_start(len(starts) + 1) is None
    for each in (f"x{number}" for number in range(6)):
        found = names(own.twins(planned(f"e-{each}").labels))
        assert found == ({each} if each in exists else set())


STARTS = st.lists(st.tuples(st.integers(0, 20), st.none() | st.integers(0, 30)), max_size=15)


def made(starts: list[tuple[int, int | None]], prefix: str) -> list[CreatedExecution]:
    return [
        CreatedExecution(float(at), {} if slot is None else {NOT_BEFORE: str(slot)}, f"{prefix}{n}")
        for n, (at, slot) in enumerate(starts)
    ]


@given(STARTS, STARTS, STARTS, st.integers(0, 31), st.integers(1, 35))
def test_two_collections_count_like_one_list(
    one: list[tuple[int, int | None]],
    other: list[tuple[int, int | None]],
    gone: list[tuple[int, int | None]],
    now: int,
    count: int,
) -> None:
    first, second = Executions(), Executions()
    for each in [*made(one, "a"), *made(gone, "gone")]:
        first.add(each)
    for each in made(other, "b"):
        second.add(each)
    for each in made(gone, "gone"):
        first.remove(each.name)
    both, listed = Both(first, second), Listed([*made(one, "a"), *made(other, "b")])
    assert both.latest_start(count) == listed.latest_start(count)
    assert both.latest_start(count, now) == listed.latest_start(count, now)
    assert both.waiting(now) == listed.waiting(now)


async def test_one_waiter_at_a_time_is_woken_and_each_gets_its_turn() -> None:
    own, woken = History().of(TRIGGER_METADATA), list[int]()

    async def wait(number: int) -> None:
        await own.settled()
        woken.append(number)

    tasks = [asyncio.create_task(wait(number)) for number in range(5)]
    await asyncio.sleep(0)
    with own.creating(planned("e"), 0.0):
        assert (len(own.pending), woken) == (1, [])
    tasks[0].cancel()  # woken and cancelled at once: the next takes its turn
    tasks[2].cancel()  # cancelled while it waits
    await asyncio.gather(tasks[0], tasks[1], tasks[2], return_exceptions=True)
    assert (len(own.pending), woken) == (0, [1])
    for _ in range(2):
        own.wake()
    await asyncio.gather(tasks[3], tasks[4])
    assert woken == [1, 3, 4]
