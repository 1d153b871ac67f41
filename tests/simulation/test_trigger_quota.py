"""Triggers whose executions a quota refuses: no event is lost."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiError
from orchestrator.kube.resources import EXECUTIONS
from tests.simulation.trigger_process import (
    Cluster,
    Process,
    counts,
    edit,
    finished,
    slots,
    started,
    trigger,
    working,
)
from tests.simulation.world import START
from tests.virtual_time import run_virtually


class UnderQuota(Process):
    """A quota refuses executions until it is raised."""

    full = True

    async def create(self, resource: object, namespace: str, manifest: Raw, **how: object) -> Raw:
        if self.full:
            name = manifest["metadata"].get("name", "")
            raise ApiError(403, "Forbidden", f'"{name}" is forbidden: exceeded quota: runs, used')
        return await super().create(resource, namespace, manifest, **how)


@pytest.mark.parametrize("restart", [False, True])
def test_an_event_whose_execution_a_quota_refuses_is_kept_and_starts_once(*, restart: bool) -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(execution={"workflow": "source"}))
        ended = [finished(number, START + 100 + number) for number in range(3)]
        cluster.executions |= {raw["metadata"]["name"]: raw for raw in ended}
        await asyncio.sleep(110)
        process = UnderQuota(cluster)
        async with working(cluster, process) as (triggers, _):
            for raw in ended:
                triggers.observe(EXECUTIONS, raw)
            await asyncio.sleep(300)
            assert started(cluster) == []
            assert list(triggers.held()) == ["ns"]
            assert "status" not in cluster.trigger  # nothing counts yet
            assert len(cluster.warnings) == 1
            assert "QuotaExceeded: quota runs is used up" in cluster.warnings[0]
            assert "kubectl -n ns describe quota runs" in cluster.warnings[0]
            process.full = restart
            await asyncio.sleep(40)
        async with working(cluster, Process(cluster)) as (triggers, _):
            for raw in ended:
                triggers.observe(EXECUTIONS, raw)
            await asyncio.sleep(40)
            assert list(triggers.held()) == []
        assert started(cluster) == ["e0", "e1", "e2"]
        assert counts(cluster)["started"] == 3

    run_virtually(scenario())


def test_a_slot_whose_execution_a_quota_refuses_is_made_up_for() -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(schedule={"cron": "0 * * * *", "catchUp": 1}))
        process = UnderQuota(cluster)
        async with working(cluster, process):
            await asyncio.sleep(2.5 * 3600)
            assert slots(cluster) == []
            process.full = False
            await asyncio.sleep(60)
        assert len(slots(cluster)) == 1
        assert counts(cluster) == {"received": 1, "started": 1}

    run_virtually(scenario())


def test_a_quota_after_an_edit_loses_no_event_of_what_is_listened_to_now() -> None:
    async def scenario() -> None:
        cluster = Cluster(trigger(schedule={"cron": "0 0 1 1 *"}))
        process = UnderQuota(cluster)
        async with working(cluster, process) as (triggers, cache):
            await asyncio.sleep(10)
            edit(cluster, triggers, cache, schedule={"cron": "* * * * *", "catchUp": 100})
            await asyncio.sleep(290)
            process.full = False
            await asyncio.sleep(50)
        assert len(slots(cluster)) >= 4

    run_virtually(scenario())
