"""Triggers in virtual time, through crashes around every write: each event once, none lost."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from orchestrator.controller.apiserver.cache import Cache, Raw
from orchestrator.controller.apiserver.client import ApiClient, ApiError
from orchestrator.controller.apiserver.resources import TRIGGERS
from orchestrator.controller.triggering.running import Triggers
from orchestrator.engine.times import to_rfc3339
from orchestrator.models.trigger import Schedule
from orchestrator.triggers.schedule import look
from tests.apiserver import merged
from tests.simulation.world import START
from tests.virtualtime import run_virtually

NEVER = 10**9


@dataclass
class Cluster:
    """What is stored, whichever process wrote it; `crash_at` counts writes from 1."""

    trigger: Raw
    executions: dict[str, Raw] = field(default_factory=dict)
    offset: float = 0.0
    """By how much the clock is wrong, in seconds."""
    writes: int = 0
    crash_at: int = NEVER
    applied: bool = True
    """Whether the write of the crash still took effect."""

    def clock(self) -> float:
        return START + asyncio.get_running_loop().time() + self.offset


class Process:
    """A client as one process has it: after its crash nothing it asks is answered."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.dead = asyncio.Event()

    async def get(self, resource: object, _namespace: str, name: str) -> Raw:
        await self._alive()
        if resource is TRIGGERS:
            return self._cluster.trigger
        if name not in self._cluster.executions:
            raise ApiError(404, "NotFound", name)
        return self._cluster.executions[name]

    async def list(self, *__: object, label_selector: str, **___: object) -> tuple[list[Raw], str]:
        await self._alive()
        key, _, value = label_selector.partition("=")
        found = self._cluster.executions.values()
        return [raw for raw in found if raw["metadata"]["labels"].get(key) == value], "1"

    async def create(self, _resource: object, namespace: str, manifest: Raw) -> Raw:
        def apply() -> Raw:
            metadata = manifest["metadata"]
            if metadata["name"] in self._cluster.executions:
                raise ApiError(409, "AlreadyExists", metadata["name"])
            created = to_rfc3339(self._cluster.clock())
            stored = {**metadata, "namespace": namespace, "creationTimestamp": created}
            raw = {**copy.deepcopy(manifest), "metadata": stored}
            self._cluster.executions[metadata["name"]] = raw
            return raw

        return await self._write(apply)

    async def patch(self, *key: Any, **_: object) -> Raw:
        def apply() -> Raw:
            old, body = self._cluster.trigger, key[-1]
            version = old["metadata"]["resourceVersion"]
            if body["metadata"] != {"resourceVersion": version}:
                raise ApiError(409, "Conflict", "the object has been modified")
            changed = {"metadata": {"resourceVersion": str(int(version) + 1)}}
            self._cluster.trigger = merged(old, {"status": body["status"], **changed})
            return self._cluster.trigger

        return await self._write(apply)

    async def _write(self, apply: Callable[[], Raw]) -> Raw:
        await self._alive()
        self._cluster.writes += 1
        crashes = self._cluster.writes == self._cluster.crash_at
        if crashes and not self._cluster.applied:
            await self._die()
        try:
            return apply()
        finally:
            if crashes:
                await self._die()

    async def _die(self) -> None:
        self.dead.set()
        await self._alive()

    async def _alive(self) -> None:
        if self.dead.is_set():
            await asyncio.Event().wait()


async def live(cluster: Cluster, seconds: float, ended: list[Raw] | None = None) -> bool:
    """One process, told of its trigger and what ended; whether it crashed before its time."""
    process, cache = Process(cluster), Cache()
    cache.put(cluster.trigger)
    triggers = Triggers(cast("ApiClient", process), cluster.clock, cache)
    work = asyncio.create_task(triggers.run())
    for raw in ended or ():
        triggers.ended(raw)
    triggers.look(cluster.trigger)
    try:
        await asyncio.wait_for(process.dead.wait(), seconds)
    except TimeoutError:
        return False
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    return True


def trigger(**spec: Any) -> Raw:
    metadata = {
        "name": "t",
        "namespace": "ns",
        "uid": "u-t",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": to_rfc3339(START),
    }
    return {"metadata": metadata, "spec": {"workflow": "w", **spec}}


SCHEDULE = {"cron": "*/5 * * * *", "jitter": "90s", "catchUp": 100}
HOURS = 3 * 3600.0


def slots(cluster: Cluster) -> list[str]:
    """The slots that started something, each as often as it did."""
    raws = cluster.executions.values()
    return sorted(raw["spec"]["trigger"]["event"]["scheduledAt"] for raw in raws)


def due(until: float) -> list[str]:
    """The slots until a moment, as one that looks often enough to miss none sees them."""
    mark, now, found = START, START, []
    while now < until:
        now = min(now + 1800, until)
        dealt = look(Schedule.model_validate(SCHEDULE), "u-t", mark, now)
        found += [event.data["scheduledAt"] for event in dealt.events]
        mark = dealt.mark
    return sorted(set(found))


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", range(1, 9))
def test_a_crash_around_any_write_neither_loses_nor_repeats_a_slot(
    write: int, applied: bool
) -> None:
    async def story() -> Cluster:
        cluster = Cluster(trigger(schedule=SCHEDULE), crash_at=write, applied=applied)
        assert await live(cluster, HOURS)
        await live(cluster, HOURS)
        assert slots(cluster) == due(cluster.clock() - 10)
        return cluster

    assert len(run_virtually(story()).executions) > 30


@pytest.mark.parametrize("step", [-3600.0, 3600.0], ids=["back", "forward"])
@pytest.mark.parametrize("seed", range(10))
def test_each_slot_once_through_ten_crashes_and_a_step_of_the_clock(seed: int, step: float) -> None:
    chance = random.Random(seed)

    async def story() -> None:
        cluster = Cluster(trigger(schedule=SCHEDULE))
        for crash in range(10):
            cluster.crash_at = cluster.writes + chance.randint(1, 8)
            cluster.applied = chance.random() < 0.5
            if crash == 5:
                asyncio.get_running_loop().call_later(600, setattr, cluster, "offset", step)
            assert await live(cluster, 2 * HOURS)
        await live(cluster, HOURS)
        cluster.offset = 0.0  # put right while it runs no more
        await live(cluster, HOURS)
        assert slots(cluster) == due(cluster.clock() - 10)

    run_virtually(story())


def finished(number: int, at: float) -> Raw:
    """An execution of another workflow that has ended."""
    return {
        "metadata": {"name": f"e{number}", "namespace": "ns", "uid": f"u{number}", "labels": {}},
        "spec": {"workflow": "source"},
        "status": {"phase": "Succeeded", "finishedAt": to_rfc3339(at)},
    }


def started(cluster: Cluster) -> list[str]:
    """The executions whose end started something, each as often as it did."""
    found = [raw["spec"].get("trigger") for raw in cluster.executions.values()]
    return sorted(raw["event"]["name"] for raw in found if raw)


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("seed", range(5))
def test_ends_at_one_moment_or_long_apart_start_one_each_in_whatever_order_they_are_told(
    seed: int, applied: bool
) -> None:
    chance = random.Random(seed)
    moments = [*([START + 10] * 10), *(START + 10 + 300 * number for number in range(10))]
    ended = [finished(number, at) for number, at in enumerate(moments)]

    async def story() -> None:
        cluster = Cluster(trigger(execution={"workflow": "source"}), applied=applied)
        cluster.executions |= {raw["metadata"]["name"]: raw for raw in ended}
        await asyncio.sleep(4000)
        for _ in range(10):
            cluster.crash_at = cluster.writes + chance.randint(1, 6)
            await live(cluster, 60, chance.sample(ended, len(ended)))
        cluster.crash_at = NEVER
        await live(cluster, 60, chance.sample(ended, len(ended)))
        assert started(cluster) == sorted(raw["metadata"]["name"] for raw in ended)

    run_virtually(story())


def test_what_ended_while_suspended_starts_nothing_later() -> None:
    async def story() -> None:
        cluster = Cluster(trigger(execution={}, suspend=True))
        early, late = finished(1, START + 100), finished(2, START + 1000)
        cluster.executions |= {raw["metadata"]["name"]: raw for raw in (early, late)}
        await asyncio.sleep(500)
        await live(cluster, 60, [early])
        await asyncio.sleep(1000)
        cluster.trigger["spec"]["suspend"] = False
        cluster.trigger["metadata"]["generation"] = 2
        await live(cluster, 60, [early, late])
        assert started(cluster) == ["e2"]

    run_virtually(story())


@pytest.mark.parametrize("mark", ["soon", "", "9999-12-31T23:59:59Z", "2026-02-31T00:00:00Z"])
def test_a_mark_that_somebody_edited_loses_no_slot_and_repeats_none(mark: str) -> None:
    async def story() -> None:
        cluster = Cluster(trigger(schedule=SCHEDULE))
        await live(cluster, HOURS)
        cluster.trigger["status"]["mark"] = mark
        await live(cluster, HOURS)
        assert slots(cluster) == due(cluster.clock() - 20)

    run_virtually(story())


def test_an_end_that_nobody_can_read_holds_up_no_other() -> None:
    async def story() -> None:
        cluster = Cluster(trigger(execution={}))
        ended = [finished(number, START + number) for number in (10, 20)]
        cluster.executions |= {raw["metadata"]["name"]: copy.deepcopy(raw) for raw in ended}
        cluster.executions["e10"]["status"]["finishedAt"] = "2026-02-31T00:00:00Z"
        await asyncio.sleep(60)
        await live(cluster, 60, ended)
        assert started(cluster) == ["e20"]

    run_virtually(story())


def test_a_trigger_made_anew_under_its_name_is_not_given_what_the_old_one_had() -> None:
    async def story() -> None:
        cluster = Cluster(trigger(schedule=SCHEDULE))
        anew = trigger(schedule=SCHEDULE)
        anew["metadata"] |= {"uid": "another", "resourceVersion": "7"}
        process, cache = Process(cluster), Cache()
        cache.put(cluster.trigger)
        triggers = Triggers(cast("ApiClient", process), cluster.clock, cache)
        triggers.look(cluster.trigger)
        cluster.trigger = anew  # no watch has told of it yet
        work = asyncio.create_task(triggers.run())
        await asyncio.sleep(HOURS)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert cluster.executions != {}
        assert "status" not in cluster.trigger

    run_virtually(story())
