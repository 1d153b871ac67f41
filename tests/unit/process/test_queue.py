"""The work queue in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Hashable
from itertools import pairwise
from typing import TypeVar

import pytest

from orchestrator.process.queue import WorkQueue, worker_released
from tests.virtual_time import run_virtually


def now() -> float:
    return round(asyncio.get_running_loop().time(), 3)


Key = TypeVar("Key", bound=Hashable)


async def run_for(
    seconds: float,
    queue: WorkQueue[Key],
    work: Callable[[Key], Awaitable[float | None]],
    workers: int = 2,
) -> None:
    task = asyncio.create_task(queue.run(work, workers))
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_key_added_many_times_is_worked_on_once() -> None:
    async def scenario() -> list[str]:
        queue: WorkQueue[str] = WorkQueue()
        seen: list[str] = []

        async def work(key: str) -> None:
            seen.append(key)

        for key in ("a", "b", "a", "a"):
            queue.add(key)
        await run_for(1, queue, work)
        return seen

    assert run_virtually(scenario()) == ["a", "b"]


def test_a_key_is_never_worked_on_twice_at_once_and_runs_again_afterwards() -> None:
    async def scenario() -> list[tuple[str, float]]:
        queue: WorkQueue[str] = WorkQueue()
        seen: list[tuple[str, float]] = []

        async def work(_: str) -> None:
            seen.append(("begin", now()))
            await asyncio.sleep(2)
            seen.append(("end", now()))

        queue.add("a")
        asyncio.get_running_loop().call_later(1, queue.add, "a")
        await run_for(10, queue, work)
        return seen

    assert run_virtually(scenario()) == [("begin", 0), ("end", 2), ("begin", 2), ("end", 4)]


def test_the_earliest_time_wins() -> None:
    async def scenario() -> list[float]:
        queue: WorkQueue[str] = WorkQueue()
        seen: list[float] = []

        async def work(_: str) -> None:
            seen.append(now())

        queue.add_after("a", 9)
        queue.add_after("a", 3)
        queue.add_after("a", 6)
        await run_for(20, queue, work)
        return seen

    assert run_virtually(scenario()) == [3]


def test_a_pass_decides_when_it_wants_to_be_asked_again() -> None:
    async def scenario() -> list[float]:
        queue: WorkQueue[str] = WorkQueue()
        seen: list[float] = []

        async def work(_: str) -> float | None:
            seen.append(now())
            return 5 if len(seen) < 3 else None

        queue.add("a")
        await run_for(60, queue, work)
        return seen

    assert run_virtually(scenario()) == [0, 5, 10]


def test_failures_back_off_until_one_succeeds() -> None:
    async def scenario() -> list[float]:
        queue: WorkQueue[str] = WorkQueue()
        seen: list[float] = []

        async def work(_: str) -> None:
            seen.append(now())
            if len(seen) < 6:
                raise ValueError("not yet")

        queue.add("a")
        await run_for(60, queue, work)
        assert queue.failures.total() == 5
        return seen

    seen = run_virtually(scenario())
    waits = [later - sooner for sooner, later in pairwise(seen)]
    assert len(waits) == 5
    assert all(0.74 * 0.1 * 2**n <= wait <= 0.1 * 2**n + 0.01 for n, wait in enumerate(waits))


def test_what_is_under_way_is_finished_when_the_queue_stops() -> None:
    async def scenario() -> list[str]:
        queue: WorkQueue[str] = WorkQueue()
        seen: list[str] = []

        async def work(key: str) -> None:
            await asyncio.sleep(5)
            seen.append(key)

        queue.add("a")
        queue.add("b")
        await run_for(1, queue, work, workers=1)
        return seen

    assert run_virtually(scenario()) == ["a"]


def test_passes_that_wait_elsewhere_hold_up_no_other_key() -> None:
    async def scenario() -> dict[str, float]:
        queue: WorkQueue[str] = WorkQueue()
        ended: dict[str, float] = {}

        async def work(key: str) -> None:
            if key != "ordinary":
                with worker_released():
                    await asyncio.sleep(60)
            ended[key] = now()

        for number in range(200):
            queue.add(f"costly {number}")
        queue.add("ordinary")
        await run_for(100, queue, work)
        return ended

    ended = run_virtually(scenario())
    assert ended.pop("ordinary") == 0
    assert list(ended) == [f"costly {number}" for number in range(200)]
    assert set(ended.values()) == {60}


def test_a_key_whose_pass_waits_elsewhere_runs_again_afterwards_and_never_twice_at_once() -> None:
    async def scenario() -> list[tuple[str, float]]:
        queue: WorkQueue[str] = WorkQueue()
        seen: list[tuple[str, float]] = []

        async def work(_: str) -> None:
            seen.append(("begin", now()))
            with worker_released():
                await asyncio.sleep(2)
            seen.append(("end", now()))

        queue.add("a")
        asyncio.get_running_loop().call_later(1, queue.add, "a")
        await run_for(10, queue, work)
        return seen

    assert run_virtually(scenario()) == [("begin", 0), ("end", 2), ("begin", 2), ("end", 4)]


@pytest.mark.parametrize("seed", range(20))
def test_no_pass_begins_beyond_the_limit_whatever_waits_elsewhere(seed: int) -> None:
    """Passes wait elsewhere at random, some in several parts at once, and some fail."""
    limit, keys = 3, 120

    async def scenario() -> tuple[int, list[int]]:
        rng = random.Random(seed)
        queue: WorkQueue[int] = WorkQueue()
        done: set[int] = set()
        busy: set[int] = set()
        began_beside: list[int] = []

        async def part(key: int) -> None:
            with worker_released():
                busy.discard(key)
                await asyncio.sleep(rng.choice((0, 1, 5)))

        async def work(key: int) -> None:
            began_beside.append(len(busy))
            busy.add(key)
            await asyncio.sleep(rng.choice((0, 1, 2)))
            if rng.random() < 0.6:
                await asyncio.gather(*(part(key) for _ in range(rng.randint(1, 3))))
                busy.add(key)
            await asyncio.sleep(rng.choice((0, 1)))
            busy.discard(key)
            if rng.random() < 0.1:
                raise ValueError("failed")
            done.add(key)

        for key in range(keys):
            asyncio.get_running_loop().call_later(rng.choice((0, 5, 50)), queue.add, key)
        await run_for(2000, queue, work, workers=limit)
        assert not busy
        return len(done), began_beside

    done, began_beside = run_virtually(scenario())
    assert done == keys
    assert max(began_beside) == limit - 1


def test_a_pass_that_waits_elsewhere_is_finished_when_the_queue_stops() -> None:
    async def scenario() -> list[str]:
        queue: WorkQueue[str] = WorkQueue()
        seen: list[str] = []

        async def work(key: str) -> None:
            with worker_released():
                await asyncio.sleep(5)
            seen.append(key)

        queue.add("a")
        asyncio.get_running_loop().call_later(2, queue.add, "b")
        await run_for(1, queue, work, workers=1)
        return seen

    assert run_virtually(scenario()) == ["a"]


def test_it_measures_how_long_keys_wait_and_how_long_a_pass_runs() -> None:
    async def scenario() -> tuple[list[float], list[tuple[float, float]]]:
        loop = asyncio.get_running_loop()
        queue: WorkQueue[str] = WorkQueue(monotonic=loop.time)
        waited: list[float] = []
        queue.on_begin = lambda seconds: waited.append(round(seconds, 3))
        measured = []

        async def work(_: str) -> None:
            await asyncio.sleep(2)

        def measure() -> None:
            measured.append((round(queue.longest_wait, 3), round(queue.longest_running, 3)))

        measure()
        queue.add("a")
        queue.add("b")
        for moment in (1.0, 3.0, 5.0):
            loop.call_later(moment, measure)
        await run_for(6, queue, work, workers=1)
        return waited, measured

    waited, measured = run_virtually(scenario())
    assert waited == [0, 2]
    assert measured == [(0, 0), (1, 1), (0, 1), (0, 0)]
