"""Triggers that are edited, deleted and recreated while they are reconciled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from orchestrator.controller.triggers.reconcile import Triggers
from orchestrator.engine.times import from_rfc3339
from orchestrator.kube.cache import Cache, Raw
from orchestrator.kube.client import ApiClient
from orchestrator.kube.resources import EXECUTIONS
from tests.simulation.faults import FaultyTransport
from tests.simulation.operator_harness import manifest, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.trigger_process import (
    HOURS,
    SCHEDULE,
    Cluster,
    Process,
    edit,
    finished,
    live,
    slots,
    started,
    trigger,
    working,
)
from tests.simulation.world import START
from tests.virtual_time import run_virtually


def test_a_trigger_recreated_under_its_name_is_not_given_what_the_old_one_had() -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(schedule=SCHEDULE))
        recreated = trigger(schedule=SCHEDULE)
        recreated["metadata"] |= {"uid": "another", "resourceVersion": "7"}
        process, cache = Process(cluster), Cache()
        cache.put(cluster.trigger)
        triggers = Triggers(cast("ApiClient", process), cluster.clock, cache, cluster.emit)
        triggers.changed(cluster.trigger)
        cluster.trigger = recreated  # no watch has reported it yet
        work = asyncio.create_task(triggers.run())
        await asyncio.sleep(HOURS)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert cluster.executions != {}
        assert "status" not in cluster.trigger

    run_virtually(scenario())


def test_it_says_when_it_fires_next_from_the_beginning_and_after_an_edit() -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(schedule={"cron": "0 3 1 1 *"}))
        async with working(cluster, Process(cluster)) as (triggers, cache):
            await asyncio.sleep(10)
            assert cluster.trigger["status"]["nextFire"][4:] == "-01-01T03:00:00.000Z"
            edit(cluster, triggers, cache, schedule={"cron": "0 4 1 2 *"})
            await asyncio.sleep(10)
            assert cluster.trigger["status"]["nextFire"][4:] == "-02-01T04:00:00.000Z"
            edit(cluster, triggers, cache, schedule={"cron": "0 4 1 2 *"}, suspend=True)
            await asyncio.sleep(10)
            assert "nextFire" not in cluster.trigger["status"]
            writes = cluster.writes
            await asyncio.sleep(600)
            assert cluster.writes == writes

    run_virtually(scenario())


def test_an_edit_starts_nothing_for_what_was_before_it_now_or_after_a_restart() -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(execution={"phases": ["Succeeded"]}))
        failed = [finished(number, START + 1000 * number) for number in range(1, 7)]
        for raw in failed:
            raw["status"]["phase"] = "Failed"
        cluster.executions |= {raw["metadata"]["name"]: raw for raw in failed}
        await asyncio.sleep(5100)
        async with working(cluster, Process(cluster)) as (triggers, cache):
            for raw in failed[:5]:
                triggers.observe(EXECUTIONS, raw)
            await asyncio.sleep(10)
            edit(cluster, triggers, cache, execution={"phases": ["Failed"]})
            await asyncio.sleep(10)
        await asyncio.sleep(3600)
        await live(cluster, 60, failed[:5])
        assert started(cluster) == []
        await live(cluster, 60, failed)
        assert started(cluster) == ["e6"]

    run_virtually(scenario())


def test_another_cron_makes_up_for_no_slot_of_its_own_past() -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(schedule={"cron": "0 3 1 1 *", "catchUp": 5}))
        async with working(cluster, Process(cluster)) as (triggers, cache):
            await asyncio.sleep(2 * 3600)
            edit(cluster, triggers, cache, schedule={"cron": "0 * * * *", "catchUp": 5})
            began = cluster.clock()
            await asyncio.sleep(2 * 3600)
        assert len(slots(cluster)) == 2
        assert all(from_rfc3339(slot) > began for slot in slots(cluster))

    run_virtually(scenario())


async def test_a_trigger_deleted_while_no_operator_watched_starts_nothing_more() -> None:
    store = store_with(manifest("Workflow", "main", {"nodes": [{"name": "a", "delay": "1s"}]}))
    spec = {"workflow": "main", "schedule": {"cron": "* * * * *"}}
    store.create("triggers", NAMESPACE, manifest("Trigger", "t", spec))
    transport = FaultyTransport(store)
    async with running_operator(store, transport):
        await asyncio.sleep(200)
        assert len(store.all("workflowexecutions")) >= 4
        store.away = True
        store.remove(("triggers", NAMESPACE, "t"))
        await asyncio.sleep(10)
        store.away = False
        await asyncio.sleep(20)
        before = len(store.all("workflowexecutions"))
        await asyncio.sleep(600)
        assert len(store.all("workflowexecutions")) == before


class _Deleting(Process):
    """The trigger is deleted while its status is written, and has not been reconciled since."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.deleted: list[Callable[[], None]] = []

    async def patch(self, *key: Any, **options: object) -> Raw:
        answer = await super().patch(*key, **options)
        for delete in self.deleted:
            delete()
        return answer


def test_nothing_is_kept_of_a_trigger_that_goes_while_it_is_reconciled() -> None:
    async def scenario() -> None:
        cluster, cache = Cluster(trigger(schedule=SCHEDULE)), Cache()
        process = _Deleting(cluster)
        triggers = Triggers(cast("ApiClient", process), cluster.clock, cache, cluster.emit)
        work = asyncio.create_task(triggers.run())

        def delete() -> None:
            if cache.remove(("ns", "t")) is not None:
                triggers.forget(cluster.trigger)

        process.deleted.append(delete)
        cache.put(cluster.trigger)
        triggers.changed(cluster.trigger)
        await asyncio.sleep(60)
        started = len(cluster.executions)
        await asyncio.sleep(HOURS)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert len(cache) == 0
        assert (triggers._reconciled, triggers._delays) == ({}, {})
        assert started == len(cluster.executions)

    run_virtually(scenario())
