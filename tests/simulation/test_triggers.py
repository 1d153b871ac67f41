"""Triggers in virtual time, through crashes around every write: each event once, none lost."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from orchestrator.controller.offload import Inline
from orchestrator.controller.triggers.reconcile import Triggers
from orchestrator.engine.times import from_rfc3339, to_rfc3339
from orchestrator.kube.cache import Cache, Raw
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import EXECUTIONS, TRIGGERS
from orchestrator.models.reasons import EventReason
from orchestrator.triggers.schedule import Schedule, evaluate
from tests.apiserver import merged
from tests.selectors import selects
from tests.simulation.faults import FaultyTransport
from tests.simulation.playing import manifest, operating, store_with
from tests.simulation.scenario import NAMESPACE
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
    warnings: list[str] = field(default_factory=list)
    """Messages of the Events, whichever process emitted them."""

    def emit(self, _about: object, reason: EventReason, message: str) -> None:
        kind = "Warning" if reason.warning else "Normal"
        self.warnings.append(f"{kind} {reason}: {message}")

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

    async def list(
        self, *__: object, label_selector: str, field_selector: str, **___: object
    ) -> tuple[list[Raw], str]:
        await self._alive()
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        found = self._cluster.executions.values()
        return [raw for raw in found if selects(query, raw)], "1"

    async def create(self, _resource: object, namespace: str, manifest: Raw) -> Raw:
        def apply() -> Raw:
            metadata = {**manifest["metadata"]}
            drawn = f"{metadata.pop('generateName', '')}{self._cluster.writes}"
            metadata.setdefault("name", drawn)
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
            await self.die()
        try:
            return apply()
        finally:
            if crashes:
                await self.die()

    async def die(self) -> None:
        self.dead.set()
        await self._alive()

    async def _alive(self) -> None:
        if self.dead.is_set():
            await asyncio.Event().wait()


async def live(cluster: Cluster, seconds: float, ended: list[Raw] | None = None) -> bool:
    """One process, told of its trigger and what ended; whether it crashed before its time."""
    process, cache = Process(cluster), Cache()
    cache.put(cluster.trigger)
    triggers = Triggers(cast("ApiClient", process), cluster.clock, cache, cluster.emit)
    work = asyncio.create_task(triggers.run())
    for raw in ended or ():
        triggers.observe(EXECUTIONS, raw)
    triggers.changed(cluster.trigger)
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
        dealt = evaluate(Schedule.model_validate(SCHEDULE), "u-t", mark, now)
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
        triggers = Triggers(cast("ApiClient", process), cluster.clock, cache, cluster.emit)
        triggers.changed(cluster.trigger)
        cluster.trigger = anew  # no watch has told of it yet
        work = asyncio.create_task(triggers.run())
        await asyncio.sleep(HOURS)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert cluster.executions != {}
        assert "status" not in cluster.trigger

    run_virtually(story())


def counts(cluster: Cluster) -> dict[str, int]:
    """What the trigger's status counts."""
    found: dict[str, int] = cluster.trigger["status"]["counts"]
    return found


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ({"dedupe": {"key": "event.workflow", "window": "30s"}}, "deduplicated"),
        ({"rateLimit": {"limit": 1, "period": "30s"}}, "limited"),
    ],
)
def test_what_came_to_nothing_comes_to_nothing_after_a_restart_too(rule: Raw, what: str) -> None:
    async def story() -> None:
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

    run_virtually(story())


class Refuses(Process):
    """The second creation is answered with an error, and every other one is not."""

    creations = 0

    async def create(self, *rest: Any) -> Raw:
        self.creations += 1
        if self.creations == 2:
            raise ApiError(500, "InternalError", "not now")
        return await super().create(*rest)


@asynccontextmanager
async def working(cluster: Cluster, process: Process) -> AsyncIterator[tuple[Triggers, Cache]]:
    """A process that knows its trigger and is told of the rest by the test."""
    cache = Cache()
    cache.put(cluster.trigger)
    triggers = Triggers(cast("ApiClient", process), cluster.clock, cache, cluster.emit)
    work = asyncio.create_task(triggers.run())
    triggers.changed(cluster.trigger)
    try:
        yield triggers, cache
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


@pytest.mark.filterwarnings("ignore")
def test_an_error_between_two_events_costs_neither_a_count_nor_a_start() -> None:
    async def story() -> None:
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

    run_virtually(story())


def test_counts_add_up_though_the_cache_is_behind() -> None:
    async def story() -> None:
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

    run_virtually(story())


def test_it_says_when_it_fires_next_from_the_beginning_and_after_an_edit() -> None:
    async def story() -> None:
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

    run_virtually(story())


def edit(cluster: Cluster, triggers: Triggers, cache: Cache, **spec: Any) -> None:
    """Somebody changes the trigger's spec, and the watch tells of it."""
    old = cluster.trigger["metadata"]
    anew = {
        "generation": old["generation"] + 1,
        "resourceVersion": str(int(old["resourceVersion"]) + 1),
    }
    edited = {**cluster.trigger, "metadata": {**old, **anew}, "spec": {"workflow": "w", **spec}}
    cluster.trigger = edited
    cache.put(edited)
    triggers.changed(edited)


def test_an_edit_starts_nothing_for_what_was_before_it_now_or_after_a_restart() -> None:
    async def story() -> None:
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

    run_virtually(story())


def test_another_cron_makes_up_for_no_slot_of_its_own_past() -> None:
    async def story() -> None:
        cluster = Cluster(trigger(schedule={"cron": "0 3 1 1 *", "catchUp": 5}))
        async with working(cluster, Process(cluster)) as (triggers, cache):
            await asyncio.sleep(2 * 3600)
            edit(cluster, triggers, cache, schedule={"cron": "0 * * * *", "catchUp": 5})
            began = cluster.clock()
            await asyncio.sleep(2 * 3600)
        assert len(slots(cluster)) == 2
        assert all(from_rfc3339(slot) > began for slot in slots(cluster))

    run_virtually(story())


async def test_a_trigger_that_went_while_nobody_watched_starts_nothing_more() -> None:
    store = store_with(manifest("Workflow", "main", {"nodes": [{"name": "a", "delay": "1s"}]}))
    spec = {"workflow": "main", "schedule": {"cron": "* * * * *"}}
    store.create("triggers", NAMESPACE, manifest("Trigger", "t", spec))
    transport = FaultyTransport(store)
    async with operating(store, transport):
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


class UnderQuota(Process):
    """A quota refuses executions until it is raised."""

    full = True

    async def create(self, resource: object, namespace: str, manifest: Raw) -> Raw:
        if self.full:
            name = manifest["metadata"].get("name", "")
            raise ApiError(403, "Forbidden", f'"{name}" is forbidden: exceeded quota: runs, used')
        return await super().create(resource, namespace, manifest)


@pytest.mark.parametrize("restart", [False, True])
def test_an_event_whose_execution_a_quota_refuses_is_kept_and_starts_once(*, restart: bool) -> None:
    async def story() -> None:
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
        assert started(cluster) == ["e0", "e1", "e2"]
        assert counts(cluster)["started"] == 3

    run_virtually(story())


def test_a_slot_whose_execution_a_quota_refuses_is_made_up_for() -> None:
    async def story() -> None:
        cluster = Cluster(trigger(schedule={"cron": "0 * * * *", "catchUp": 1}))
        process = UnderQuota(cluster)
        async with working(cluster, process):
            await asyncio.sleep(2.5 * 3600)
            assert slots(cluster) == []
            process.full = False
            await asyncio.sleep(60)
        assert len(slots(cluster)) == 1
        assert counts(cluster) == {"received": 1, "started": 1}

    run_virtually(story())


def test_a_quota_after_an_edit_loses_no_event_of_what_is_listened_to_now() -> None:
    async def story() -> None:
        cluster = Cluster(trigger(schedule={"cron": "0 0 1 1 *"}))
        process = UnderQuota(cluster)
        async with working(cluster, process) as (triggers, cache):
            await asyncio.sleep(10)
            edit(cluster, triggers, cache, schedule={"cron": "* * * * *", "catchUp": 100})
            await asyncio.sleep(290)
            process.full = False
            await asyncio.sleep(50)
        assert len(slots(cluster)) >= 4

    run_virtually(story())


class Beside(Inline):
    """Counts the work that is known to take long."""

    def __init__(self) -> None:
        self.long = 0

    async def run(self, work: Callable[[], Any], *, long: bool = False) -> Any:
        self.long += long
        return work()


def test_a_trigger_with_a_large_value_is_read_beside_the_loop_once_a_generation() -> None:
    async def story() -> None:
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

    run_virtually(story())


class _Deleting(Process):
    """The trigger is deleted while its status is written, and nobody has reconciled it since."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self.deleted: list[Callable[[], None]] = []

    async def patch(self, *key: Any, **options: object) -> Raw:
        answer = await super().patch(*key, **options)
        for delete in self.deleted:
            delete()
        return answer


def test_nothing_is_kept_of_a_trigger_that_goes_while_it_is_reconciled() -> None:
    async def story() -> None:
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

    run_virtually(story())
