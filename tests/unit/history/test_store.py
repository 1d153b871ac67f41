"""The stored history, in SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.history.database import UnavailableError
from orchestrator.history.removal import remove_before, remove_beyond
from orchestrator.history.selection import Selection
from orchestrator.history.store import Store
from tests.databases import url_of
from tests.postgresql import PostgresqlServer
from tests.unit.history.executions import REVISION, START, ended, entry

DAY = 24 * 3600


async def names(store: Store, **selected: Any) -> list[str]:
    page = await store.page(Selection(**selected))
    return [item.name for item in page.items]


async def test_an_execution_is_recorded_once_however_often_and_by_whomever(
    store: Store, url: str
) -> None:
    other = Store(url)
    entries = [entry(f"run-{number}") for number in range(40)]
    try:
        new = await asyncio.gather(
            *(each.record(entries[start:]) for start in (0, 10, 20) for each in (store, other))
        )
    finally:
        await other.close()
    assert sorted(uid for uids in new for uid in uids) == sorted(one.uid for one in entries)
    assert await store.count() == 40


async def test_what_is_read_is_the_object_as_it_ended(store: Store) -> None:
    spec = {
        "requester": "ana@example.com",
        "variables": {"service": "shop", "nothing": None},
        "decisions": [{"node": "approve", "by": "ben@example.com", "decision": "Approve"}],
        "signals": [{"id": "1", "name": "go"}],
        "trigger": {"type": "webhook", "name": "orders", "event": {"body": "x" * 10_000}},
    }
    raw = ended("run", spec=spec, outputs={"healthy": True}, message="done")
    found = entry("run", spec=spec, outputs={"healthy": True}, message="done")
    await store.record([found], {("shop", "deploy-1"): REVISION})
    kept = await store.get(found.uid)
    assert kept is not None
    assert (kept["spec"], kept["status"]) == (raw["spec"], raw["status"])
    assert "managedFields" not in kept["metadata"]
    assert await store.get_named("shop", "run") == kept
    assert await store.revision("shop", "deploy-1") == REVISION
    assert await store.get("absent") is None
    assert await store.get_named("bank", "run") is None
    assert await store.revision("bank", "deploy-1") is None


async def test_a_name_that_was_used_again_is_that_of_the_newest(store: Store) -> None:
    old, new = entry("run", at=START), entry("run", at=START + 5)
    await store.record([old])
    await store.record([replace(new, uid="second")])
    found = await store.get_named("shop", "run")
    assert found is not None
    assert found["status"]["finishedAt"] == ended("run", at=START + 5)["status"]["finishedAt"]


async def test_lists_are_filtered_by_each_condition(store: Store) -> None:
    await store.record(
        [
            entry("plain", at=START),
            entry("failed", at=START + 1, phase="Failed", message="Node CHECK failed: 100%_x"),
            entry("other", at=START + 2, namespace="bank", workflow="restart"),
            entry("hook", at=START + 3, spec={"trigger": {"type": "webhook", "name": "orders"}}),
            entry("asked", at=START + 4, spec={"requester": "ana@example.com"}),
            entry("labelled", at=START + 5, labels={"team": "sre", "tier": "1"}),
        ]
    )
    everything = ["labelled", "asked", "hook", "other", "failed", "plain"]
    assert await names(store) == everything
    assert await names(store, namespaces=frozenset({"bank"})) == ["other"]
    assert await names(store, namespaces=frozenset({"bank", "shop"})) == everything
    assert await names(store, namespaces=frozenset()) == []
    assert await names(store, workflow="restart") == ["other"]
    assert await names(store, phases=frozenset({"Failed"})) == ["failed"]
    assert await names(store, trigger="orders") == ["hook"]
    assert await names(store, requester="ana@example.com") == ["asked"]
    assert await names(store, labels={"team": "sre"}) == ["labelled"]
    assert await names(store, labels={"team": "sre", "tier": "2"}) == []
    assert await names(store, text="check FAILED") == ["failed"]
    assert await names(store, text="100%_") == ["failed"]
    assert await names(store, text="%ail") == []
    assert await names(store, text="ana@") == ["asked"]
    period = {"since": int(START + 2) * 1000, "until": int(START + 4) * 1000}
    assert await names(store, **period) == ["hook", "other"]


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_pages_are_stable_while_executions_are_recorded(
    store: Store, oldest_first: bool
) -> None:
    """Many end in the same millisecond."""
    before = [entry(f"run-{number:03}", at=START + number // 10) for number in range(95)]
    await store.record(before)
    read: list[str] = []
    begin, number = None, 0
    while True:
        page = await store.page(Selection(), limit=10, begin=begin, oldest_first=oldest_first)
        read += [item.name for item in page.items]
        number += 1
        await store.record([entry(f"new-{number}-{end}", at=START + end) for end in (-5, 4, 50)])
        if page.next is None:
            break
        begin = page.next
    old = [name for name in read if name.startswith("run-")]
    assert old == sorted((one.name for one in before), reverse=not oldest_first)
    assert len(read) == len(set(read))


async def test_executions_go_by_age_and_by_number_with_all_that_is_theirs(store: Store) -> None:
    entries = [entry(f"run-{day}", at=START + day * DAY, labels={"a": "b"}) for day in range(10)]
    await store.record(entries, {("shop", "deploy-1"): REVISION})
    assert await remove_before(store.engine, int(START + 3 * DAY) * 1000) == 3
    assert await remove_before(store.engine, int(START + 3 * DAY) * 1000) == 0
    assert await remove_beyond(store.engine, 5) == 2
    assert await remove_beyond(store.engine, 5) == 0
    assert await names(store, labels={"a": "b"}) == [f"run-{day}" for day in (9, 8, 7, 6, 5)]
    assert await store.get("uid-shop-run-0") is None
    assert await store.revision("shop", "deploy-1") == REVISION
    assert await remove_beyond(store.engine, 0) == 5
    assert await store.revision("shop", "deploy-1") is None


async def test_a_restored_execution_is_found_as_it_was_before(store: Store) -> None:
    """Whatever others label so is not: nothing keeps an execution out of the history."""
    first = entry("run", at=START)
    await store.record([first])
    labels = {"automation.itechsmart.dev/restored-from": first.uid}

    async def is_known(name: str = "run", **more: Any) -> bool:
        found = replace(entry(name, labels=labels, **more), uid="new")
        return await store.restored([found]) == {"new"}

    assert await is_known(at=START)
    assert await is_known(at=START + 60, phase="Cancelled", reason="Restored")
    assert not await is_known(at=START + 60)
    assert not await is_known(at=START, phase="Failed")
    assert not await is_known("other", at=START)
    assert not await is_known(at=START, namespace="bank")
    pair = [replace(entry("run", labels=labels), uid=uid) for uid in ("one", "two")]
    other = replace(entry("other", labels=labels), uid="three")
    assert await store.restored([*pair, other]) == {"one", "two"}


async def test_a_database_without_its_schema_is_not_ready(url: str) -> None:
    store = Store(url)
    assert (await store.unready()).startswith("the database has no schema")
    await store.migrate()
    assert await store.unready() == ""
    await store.close()


async def test_a_database_that_is_away_is_reported_and_found_again() -> None:
    server = PostgresqlServer()
    store = Store(url_of(server, "postgres"))
    assert "the database of the history: " in await store.unready()
    server.start()
    try:
        await store.migrate()
        await store.record([entry("one")])
        server.halt()
        with pytest.raises(UnavailableError):
            await store.record([entry("two")])
        server.resume()
        assert await store.record([entry("one"), entry("two")]) == {"uid-shop-two"}
    finally:
        await store.close()
        server.stop()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "must be sqlite:///PATH or postgresql://"),
        ("mysql://db", "not mysql"),
        ("sqlite://", "needs the path of a file"),
        ("sqlite:///:memory:", "needs the path of a file"),
    ],
)
def test_a_url_that_is_none_says_what_it_must_be(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Store(url)
