"""The work queue in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

from orchestrator.controller.queue import WorkQueue
from tests.virtualtime import run_virtually


def now() -> float:
    return round(asyncio.get_running_loop().time(), 3)


Work = Callable[[str], Awaitable[float | None]]


async def run_for(seconds: float, queue: WorkQueue[str], work: Work, workers: int = 2) -> None:
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
        assert queue.failures == 5
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
