"""rateLimit and cooldown in virtual time: who waits, until when, and who makes way."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from orchestrator.engine.explain import explain_execution
from orchestrator.engine.times import from_rfc3339
from orchestrator.models.labels import TRIGGER
from tests.simulation.changes import (
    eventually,
    fired,
    made,
    rollout,
    status,
    store_of,
    transport_of,
)
from tests.simulation.faults import FaultyTransport
from tests.simulation.operator_harness import running_operator
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store
from tests.simulation.views import Raw

TWO_A_MINUTE = {"limit": 2, "period": "1m"}


def of_revision(store: Store, revision: int) -> Raw:
    """The execution of a rollout."""
    return next(
        raw for raw in made(store) if raw["spec"]["trigger"]["event"]["revision"] == str(revision)
    )


def phase(store: Store, revision: int) -> tuple[str, str]:
    found = of_revision(store, revision).get("status") or {}
    return found.get("phase", ""), found.get("reason", "")


def starts(store: Store) -> list[float]:
    """When the executions that ran were admitted, in order."""
    found = (raw["status"].get("startedAt") for raw in made(store))
    return sorted(from_rfc3339(at) for at in found if at)


async def burst(store: Store, count: int, pause: float = 1.0) -> None:
    for number in range(1, count + 1):
        rollout(store, number)
        await asyncio.sleep(pause)


def store_with_limit(**spec: Any) -> Store:
    return store_of(deployment={"outcomes": ["Finished"]}, **spec)


async def test_what_is_over_the_limit_is_created_at_once_and_starts_in_its_slot() -> None:
    store = store_with_limit(rateLimit=TWO_A_MINUTE)
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        await burst(store, 7)
        await eventually(lambda: len(made(store)) == 7, 5)
        assert phase(store, 2) == ("Succeeded", "Completed")
        for number in range(3, 8):
            assert phase(store, number) == ("Queued", "RateLimited")
        queued = of_revision(store, 3)
        due = queued["spec"]["trigger"]["notBefore"]
        said = explain_execution(queued, store.clock())
        assert f"(RateLimited): over the rateLimit of Trigger t: starts at {due}" in said
        await asyncio.sleep(240)
    began = starts(store)
    assert len(began) == 7
    # Creation times are whole seconds, so a slot may come a second early.
    assert all(began[at + 2] - began[at] >= 59 for at in range(5))
    assert began[6] - began[0] < 185, "and no later than the limit asks for"
    assert status(store)["counts"] == {"received": 7, "started": 7}


async def test_slots_are_kept_across_a_restart_and_cancelling_works_while_queued() -> None:
    store = store_with_limit(rateLimit={"limit": 1, "period": "1m"})
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        await burst(store, 3)
        await asyncio.sleep(5)
        key = ("workflowexecutions", NAMESPACE, of_revision(store, 2)["metadata"]["name"])
        store.patch(key, {"spec": {"desiredState": "Cancelled"}})
        await eventually(lambda: phase(store, 2) == ("Cancelled", "CancelRequested"), 5)
    await asyncio.sleep(30)
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(40)
        assert phase(store, 3) == ("Queued", "RateLimited")
        await asyncio.sleep(60)
        assert phase(store, 3) == ("Succeeded", "Completed")


async def test_only_the_newest_waits() -> None:
    store = store_with_limit(rateLimit={**TWO_A_MINUTE, "policy": "Newest"})
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        await burst(store, 6, pause=2.0)
        await asyncio.sleep(5)
        for number in (3, 4, 5):
            assert phase(store, number) == ("Cancelled", "Replaced")
        message = of_revision(store, 3)["status"]["message"]
        assert "over the rateLimit of Trigger t, only the newest starts" in message
        assert phase(store, 6) == ("Queued", "RateLimited")
        await asyncio.sleep(60)
        assert phase(store, 6) == ("Succeeded", "Completed")
    assert len(starts(store)) == 3


async def test_the_newest_waits_whatever_crashes() -> None:
    store = store_with_limit(rateLimit={"limit": 1, "period": "1m", "policy": "Newest"})
    crashed = []
    for write in range(2, 14):
        transport = transport_of(store, write)
        crashed.append(transport)
        transport.crash_at = (write, write % 2 == 0)
        async with running_operator(store, transport):
            rollout(store, write)
            await asyncio.sleep(3)
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(10)
        queued = [raw for raw in made(store) if raw["status"]["phase"] == "Queued"]
        assert [raw["spec"]["trigger"]["event"]["revision"] for raw in queued] == ["13"]
        await asyncio.sleep(60)
        assert phase(store, 13) == ("Succeeded", "Completed")


async def test_what_is_dropped_is_counted() -> None:
    store = store_with_limit(rateLimit={**TWO_A_MINUTE, "policy": "Drop"})
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        await burst(store, 5)
        await asyncio.sleep(10)
        assert fired(store) == Counter({"1": 1, "2": 1})
        assert status(store)["counts"] == {"received": 5, "started": 2, "limited": 3}


async def test_nothing_starts_within_the_cooldown() -> None:
    store = store_with_limit(cooldown="30s")
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        await burst(store, 8, pause=10)
        await asyncio.sleep(10)
        assert set(fired(store)) == {"1", "4", "7"} or set(fired(store)) == {"1", "5"}
        assert status(store)["counts"]["limited"] == 8 - len(made(store))


async def test_without_a_limit_sixty_a_minute_start_and_the_rest_waits() -> None:
    store = store_with_limit()
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        await burst(store, 80, pause=0.1)
        await asyncio.sleep(10)
        phases = Counter(raw["status"]["phase"] for raw in made(store))
        assert phases == Counter({"Succeeded": 60, "Queued": 20})
        await asyncio.sleep(70)
        assert len(starts(store)) == 80


@pytest.mark.parametrize("policy", ["Queue", "Newest"])
async def test_a_workflow_that_is_missing_is_waited_for_from_the_slot_on(policy: str) -> None:
    store = store_with_limit(rateLimit={"limit": 1, "period": "5m", "policy": policy})
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        await burst(store, 2)
        await asyncio.sleep(5)
        workflow = store.objects["workflows", NAMESPACE, "main"]
        store.remove(("workflows", NAMESPACE, "main"))
        await asyncio.sleep(305)
        assert phase(store, 2) == ("Pending", "WorkflowNotFound")
        metadata = {"name": "main"}
        store.create("workflows", NAMESPACE, {**workflow, "metadata": metadata})
        await asyncio.sleep(10)
        assert phase(store, 2) == ("Succeeded", "Completed")


async def test_without_a_limit_at_most_five_hundred_wait() -> None:
    store = store_with_limit()
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        await burst(store, 600, pause=0.05)
        await asyncio.sleep(10)
        counts = status(store)["counts"]
        assert counts["received"] == counts["started"] + counts["limited"] == 600
        assert len([raw for raw in made(store) if raw["status"]["phase"] == "Queued"]) == 500


class Lists(FaultyTransport):
    """Counts the lists of a Trigger's executions."""

    lists = 0

    async def exchange(self, verb: str, path: str, query: Mapping[str, str], *rest: Any) -> Raw:
        of_trigger = TRIGGER in query.get("labelSelector", "")
        self.lists += verb == "list" and path.endswith("/workflowexecutions") and of_trigger
        return await super().exchange(verb, path, query, *rest)


async def test_events_that_come_together_share_a_list_and_keep_the_limit() -> None:
    store = store_with_limit(rateLimit={"limit": 50, "period": "1h", "policy": "Drop"})
    transport = Lists(store, latency=0.001)
    async with running_operator(store, transport):
        await asyncio.sleep(5)
        before = transport.lists
        for number in range(1, 101):
            rollout(store, number, name=f"web-{number}")
        await eventually(lambda: status(store).get("counts", {}).get("received") == 100)
        assert status(store)["counts"] == {"received": 100, "started": 50, "limited": 50}
        assert transport.lists - before <= 5
