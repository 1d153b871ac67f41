"""Each listener is run by one replica, another takes over, and a new one gets its share."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from orchestrator.receiver.listeners.claims import Claims
from tests.simulation.store import Store
from tests.unit.receiver.listeners.stopped_receiver import client_of
from tests.virtual_time import run_virtually

UIDS = [f"uid-{number}" for number in range(40)]


class Replica:
    """A replica whose listeners end at once when it may not run them any more."""

    def __init__(self, store: Store, name: str, *, wanted: list[str] | None = None) -> None:
        monotonic = asyncio.get_running_loop().time
        self.claims = Claims(client_of(store), "system", name, (), monotonic)
        self.wanted = UIDS if wanted is None else wanted
        self.running: frozenset[str] = frozenset()
        self._tasks = [asyncio.create_task(work) for work in (self.claims.run(), self._compare())]

    async def _compare(self) -> None:
        while True:
            self.claims.want(self.wanted, self.running)
            self.running = self.claims.held
            await asyncio.sleep(1.0)

    async def die(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.running = frozenset()

    async def stop(self) -> None:
        await self.die()
        await self.claims.stop()


async def until(holds: Callable[[], bool], within: float) -> float:
    """The seconds until it holds."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 - in virtual time
            await asyncio.sleep(0.5)
    return loop.time() - began


def new_store() -> Store:
    return Store(lambda: 1.7e9 + asyncio.get_running_loop().time(), random.Random(1))


def leases(store: Store) -> set[str]:
    return {raw["metadata"]["name"] for raw in store.all("leases")}


def test_replicas_share_the_listeners_and_never_run_one_twice() -> None:
    async def scenario() -> list[int]:
        store = new_store()
        replicas = [Replica(store, name) for name in ("one", "two")]

        def each_once() -> bool:
            assert not replicas[0].running & replicas[1].running
            return sum(len(each.running) for each in replicas) == len(UIDS)

        await until(each_once, 30)
        replicas.append(Replica(store, "three"))
        await asyncio.sleep(60)
        running = [each.running for each in replicas]
        assert sum(map(len, running)) == len(frozenset().union(*running)) == len(UIDS)
        for each in replicas:
            await each.die()
        return [len(each) for each in running]

    assert all(count >= 5 for count in run_virtually(scenario()))


def test_listeners_of_a_dead_replica_are_taken_over_within_fifteen_seconds() -> None:
    async def scenario() -> float:
        store = new_store()
        one, two = Replica(store, "one"), Replica(store, "two")
        await until(lambda: len(one.running | two.running) == len(UIDS), 30)
        await asyncio.sleep(30)
        await one.die()
        took = await until(lambda: len(two.running) == len(UIDS), 60)
        await two.die()
        return took

    assert run_virtually(scenario()) <= 15


def test_a_replica_that_ends_gives_its_listeners_away_at_once() -> None:
    async def scenario() -> float:
        store = new_store()
        one, two = Replica(store, "one"), Replica(store, "two")
        await until(lambda: len(one.running | two.running) == len(UIDS), 30)
        await one.stop()
        took = await until(lambda: len(two.running) == len(UIDS), 60)
        await two.stop()
        assert not any(name.startswith("replica-") for name in leases(store))
        return took

    # Two checks of the other replica, and the time for which it prefers the one that has gone.
    assert run_virtually(scenario()) <= 10


def test_a_replica_without_the_api_server_stops_before_others_begin() -> None:
    async def scenario() -> None:
        store = new_store()
        one, two = Replica(store, "one"), Replica(store, "two")
        await until(lambda: len(one.running | two.running) == len(UIDS), 30)
        store.away = True
        await until(lambda: not one.running and not two.running, 10)
        store.away = False
        await until(lambda: len(one.running | two.running) == len(UIDS), 60)
        assert not one.running & two.running
        for each in (one, two):
            await each.die()

    run_virtually(scenario())


def test_the_leases_of_deleted_triggers_and_of_gone_replicas_are_removed() -> None:
    async def scenario() -> set[str]:
        store = new_store()
        gone, left = Replica(store, "gone"), Replica(store, "left", wanted=list(UIDS))
        await until(lambda: len(gone.running | left.running) == len(UIDS), 30)
        await gone.die()
        del left.wanted[1:]
        await asyncio.sleep(900)
        await left.die()
        return leases(store)

    assert run_virtually(scenario()) == {"replica-left", f"listener-{UIDS[0]}"}
