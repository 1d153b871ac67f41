"""Requests of one pass that are sent at the same time, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.controller.concurrent_requests import gather_outcomes, gather_results
from tests.virtual_time import run_virtually


class Requests:
    """Each takes as many seconds as its number; those in `fails` then raise."""

    def __init__(self, *fails: int) -> None:
        self.done: list[int] = []
        self._fails = fails

    async def send(self, number: int) -> int:
        await asyncio.sleep(number)
        self.done.append(number)
        if number in self._fails:
            raise ValueError(f"request {number}")
        return number


def test_they_take_as_long_as_the_longest_and_answer_in_their_order() -> None:
    async def scenario() -> None:
        requests = Requests()
        assert await gather_results(map(requests.send, (3, 1, 2))) == [3, 1, 2]
        assert asyncio.get_running_loop().time() == 3

    run_virtually(scenario())


@pytest.mark.parametrize("numbers", [(1,), (1, 3, 2)])
def test_all_are_waited_for_before_the_first_failure_is_raised(numbers: tuple[int, ...]) -> None:
    async def scenario() -> None:
        requests = Requests(1, 2)
        with pytest.raises(ValueError, match="request 1"):
            await gather_results(map(requests.send, numbers))
        assert requests.done == sorted(numbers)

    run_virtually(scenario())


def test_a_failure_can_be_an_outcome_among_others() -> None:
    async def scenario() -> None:
        first, second = await gather_outcomes(map(Requests(1).send, (1, 2)))
        assert (str(first), second) == ("request 1", 2)
        assert await gather_outcomes([]) == []

    run_virtually(scenario())
