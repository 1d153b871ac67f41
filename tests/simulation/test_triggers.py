"""Triggers in virtual time: each slot and each end starts one execution, through crashes."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Callable
from typing import Any, cast

import pytest

from orchestrator.controller.triggers.reconcile import Triggers
from orchestrator.dispatch.compute import Inline
from orchestrator.kube.cache import Cache, Raw
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import EXECUTIONS
from tests.simulation.trigger_process import (
    HOURS,
    NEVER,
    SCHEDULE,
    Cluster,
    Process,
    counts,
    due,
    finished,
    live,
    slots,
    started,
    trigger,
    working,
)
from tests.simulation.world import START
from tests.virtual_time import run_virtually


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", range(1, 9))
def test_a_crash_around_any_write_neither_loses_nor_repeats_a_slot(
    write: int, applied: bool
) -> None:
    async def scenario() -> Cluster:
        cluster = Cluster(trigger(schedule=SCHEDULE), crash_at=write, applied=applied)
        assert await live(cluster, HOURS)
        await live(cluster, HOURS)
        assert slots(cluster) == due(cluster.clock() - 10)
        return cluster

    assert len(run_virtually(scenario()).executions) > 30


@pytest.mark.parametrize("step", [-3600.0, 3600.0], ids=["back", "forward"])
@pytest.mark.parametrize("seed", range(10))
def test_each_slot_once_through_ten_crashes_and_a_step_of_the_clock(seed: int, step: float) -> None:
    chance = random.Random(seed)

    async def scenario() -> None:
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

    run_virtually(scenario())


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("seed", range(5))
def test_ends_at_one_moment_or_long_apart_start_one_each_in_whatever_order_they_are_told(
    seed: int, applied: bool
) -> None:
    chance = random.Random(seed)
    moments = [*([START + 10] * 10), *(START + 10 + 300 * number for number in range(10))]
    ended = [finished(number, at) for number, at in enumerate(moments)]

    async def scenario() -> None:
        cluster = Cluster(trigger(execution={"workflow": "source"}), applied=applied)
        cluster.executions |= {raw["metadata"]["name"]: raw for raw in ended}
        await asyncio.sleep(4000)
        for _ in range(10):
            cluster.crash_at = cluster.writes + chance.randint(1, 6)
            await live(cluster, 60, chance.sample(ended, len(ended)))
        cluster.crash_at = NEVER
        await live(cluster, 60, chance.sample(ended, len(ended)))
        assert started(cluster) == sorted(raw["metadata"]["name"] for raw in ended)

    run_virtually(scenario())


def test_what_ended_while_suspended_starts_nothing_later() -> None:
    async def scenario() -> None:
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

    run_virtually(scenario())


@pytest.mark.parametrize("mark", ["soon", "", "9999-12-31T23:59:59Z", "2026-02-31T00:00:00Z"])
def test_a_mark_that_somebody_edited_loses_no_slot_and_repeats_none(mark: str) -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(schedule=SCHEDULE))
        await live(cluster, HOURS)
        cluster.trigger["status"]["mark"] = mark
        await live(cluster, HOURS)
        assert slots(cluster) == due(cluster.clock() - 20)

    run_virtually(scenario())


def test_an_unreadable_end_holds_up_no_other() -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(execution={}))
        ended = [finished(number, START + number) for number in (10, 20)]
        cluster.executions |= {raw["metadata"]["name"]: copy.deepcopy(raw) for raw in ended}
        cluster.executions["e10"]["status"]["finishedAt"] = "2026-02-31T00:00:00Z"
        await asyncio.sleep(60)
        await live(cluster, 60, ended)
        assert started(cluster) == ["e20"]

    run_virtually(scenario())


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ({"dedupe": {"key": "event.workflow", "window": "30s"}}, "deduplicated"),
        ({"rateLimit": {"limit": 1, "period": "30s", "policy": "Drop"}}, "limited"),
        ({"cooldown": "30s"}, "limited"),
    ],
)
def test_what_came_to_nothing_comes_to_nothing_after_a_restart_too(rule: Raw, what: str) -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(execution={"workflow": "source"}, **rule))
        ended = [finished(1, START + 100), finished(2, START + 105)]
        cluster.executions |= {raw["metadata"]["name"]: raw for raw in ended}
        await asyncio.sleep(106)
        await live(cluster, 10, ended)
        assert (started(cluster), counts(cluster)[what]) == (["e1"], 1)
        await asyncio.sleep(30)  # the window and the period are over
        await live(cluster, 10, ended)
        assert started(cluster) == ["e1"]
        later = finished(3, START + 200)
        cluster.executions["e3"] = later
        await asyncio.sleep(60)
        await live(cluster, 10, [*ended, later])
        assert started(cluster) == ["e1", "e3"]

    run_virtually(scenario())


class Refuses(Process):
    """The second creation is answered with an error, and every other one is not."""

    creations = 0

    async def create(self, *rest: Any, **how: Any) -> Raw:
        self.creations += 1
        if self.creations == 2:
            raise ApiError(500, "InternalError", "not now")
        return await super().create(*rest, **how)


@pytest.mark.filterwarnings("ignore")
def test_an_error_between_two_events_costs_neither_a_count_nor_a_start() -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(execution={"workflow": "source"}))
        ended = [finished(number, START + 100 + number) for number in range(3)]
        cluster.executions |= {raw["metadata"]["name"]: raw for raw in ended}
        await asyncio.sleep(110)
        async with working(cluster, Refuses(cluster)) as (triggers, _):
            for raw in ended:
                triggers.observe(EXECUTIONS, raw)
            await asyncio.sleep(20)
        assert started(cluster) == ["e0", "e1", "e2"]
        assert counts(cluster) == {"received": 3, "started": 3}

    run_virtually(scenario())


def test_counts_add_up_though_the_cache_is_behind() -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(execution={"workflow": "source"}))
        ended = [finished(number, START + 100 + number) for number in range(3)]
        cluster.executions |= {raw["metadata"]["name"]: raw for raw in ended}
        await asyncio.sleep(110)
        async with working(cluster, Process(cluster)) as (triggers, cache):
            triggers.observe(EXECUTIONS, ended[0])
            await asyncio.sleep(1)
            old = cluster.trigger
            triggers.observe(EXECUTIONS, ended[1])
            await asyncio.sleep(1)
            cache.put(old)
            triggers.observe(EXECUTIONS, ended[2])
            await asyncio.sleep(1)
        assert counts(cluster) == {"received": 3, "started": 3}

    run_virtually(scenario())


class Beside(Inline):
    """Counts the work that is known to take long."""

    def __init__(self) -> None:
        self.long = 0

    async def run(self, work: Callable[[], Any], *, long: bool = False) -> Any:
        self.long += long
        return work()


def test_a_trigger_with_a_large_value_is_read_beside_the_loop_once_a_generation() -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(schedule=SCHEDULE, variables={"list": [[]] * 6_000}))
        beside, cache = Beside(), Cache()
        cache.put(cluster.trigger)
        client = cast("ApiClient", Process(cluster))
        triggers = Triggers(client, cluster.clock, cache, cluster.emit, beside)
        triggers.changed(cluster.trigger)
        work = asyncio.create_task(triggers.run())
        await asyncio.sleep(HOURS)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert beside.long == 1
        assert len(cluster.executions) > 1

    run_virtually(scenario())
