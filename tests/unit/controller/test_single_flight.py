"""Callers that ask for the same work at once, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from orchestrator.controller.single_flight import SingleFlight
from tests.virtual_time import run_virtually


class Work:
    """Takes a second and results in the number of its call; the calls named in `fails` raise."""

    def __init__(self, *fails: int) -> None:
        self.calls = 0
        self._fails = fails

    async def __call__(self) -> int:
        self.calls += 1
        call = self.calls
        await asyncio.sleep(1)
        if call in self._fails:
            raise ValueError(f"call {call}")
        return call


def callers(flight: SingleFlight[str, int], work: Work, number: int) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(flight.do("key", work)) for _ in range(number)]


Scenario = Callable[[SingleFlight[str, int]], Awaitable[None]]


def play(scenario: Scenario) -> None:
    async def played() -> None:
        await scenario(SingleFlight())

    run_virtually(played())


def test_work_is_done_once_for_all_who_ask_meanwhile_and_not_kept() -> None:
    async def scenario(flight: SingleFlight[str, int]) -> None:
        work = Work()
        assert await asyncio.gather(*callers(flight, work, 5)) == [1] * 5
        assert await flight.do("key", work) == 2

    play(scenario)


def test_other_keys_are_not_waited_for() -> None:
    async def scenario(flight: SingleFlight[str, int]) -> None:
        work = Work()
        results = await asyncio.gather(flight.do("a", work), flight.do("b", work))
        assert list(results) == [1, 2]
        assert asyncio.get_running_loop().time() == 1

    play(scenario)


def test_an_error_goes_to_those_who_wait_and_the_next_caller_tries_again() -> None:
    async def scenario(flight: SingleFlight[str, int]) -> None:
        work = Work(1)
        results = await asyncio.gather(*callers(flight, work, 3), return_exceptions=True)
        assert [str(result) for result in results] == ["call 1"] * 3
        assert await flight.do("key", work) == 2

    play(scenario)


@pytest.mark.parametrize(("cancelled", "calls"), [(0, 2), (1, 1), (2, 1)])
def test_a_cancellation_concerns_its_caller_alone(cancelled: int, calls: int) -> None:
    async def scenario(flight: SingleFlight[str, int]) -> None:
        work = Work()
        asking = callers(flight, work, 3)
        await asyncio.sleep(0.5)
        asking[cancelled].cancel()
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(results.pop(cancelled), asyncio.CancelledError)
        assert results == [calls, calls]
        assert work.calls == calls

    play(scenario)
