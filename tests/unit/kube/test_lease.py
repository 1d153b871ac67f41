"""One operator works: taking over, giving back, waking up late."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from orchestrator.kube.client import ApiClient
from orchestrator.kube.lease import DEADLINE_SECONDS, DURATION_SECONDS, Lease, LeaseLostError
from orchestrator.kube.resources import JOBS, LEASES
from tests.apiserver import ApiServer


class Clock:
    """Seconds that pass while somebody sleeps, and no others."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lease(client: ApiClient, clock: Clock, identity: str) -> Lease:
    return Lease(client, "ns", "operator", identity, monotonic=clock, sleep=clock.sleep)


def holder(server: ApiServer) -> str | None:
    found: str | None = server.objects["leases", "ns", "operator"]["spec"].get("holderIdentity")
    return found


async def test_the_first_takes_it_and_the_second_stands_by(
    server: ApiServer, client: ApiClient, clock: Clock
) -> None:
    first, second = lease(client, clock, "a"), lease(client, clock, "b")
    await first.acquire()
    assert first.held
    waiting = asyncio.create_task(second.acquire())
    for _ in range(3):
        await server.until(lambda: True)
        await first._try()
    assert not waiting.done()
    assert holder(server) == "a"
    waiting.cancel()


async def test_after_a_crash_it_is_taken_over_when_its_time_is_over(
    server: ApiServer, client: ApiClient, clock: Clock
) -> None:
    await lease(client, clock, "a").acquire()
    began = clock.now
    second = lease(client, clock, "b")
    await second.acquire()
    assert holder(server) == "b"
    assert DURATION_SECONDS <= clock.now - began <= DURATION_SECONDS + 3


async def test_given_back_it_is_taken_at_once(
    server: ApiServer, client: ApiClient, clock: Clock
) -> None:
    first, second = lease(client, clock, "a"), lease(client, clock, "b")
    await first.acquire()
    await first.release()
    began = clock.now
    await second.acquire()
    assert (holder(server), clock.now) == ("b", began)
    first.check()  # who gave it back lost nothing


async def test_one_that_wakes_up_late_writes_nothing_more(
    server: ApiServer, client: ApiClient, clock: Clock
) -> None:
    first = lease(client, clock, "a")
    await first.acquire()
    client.guard_writes(first.check)
    await client.create(JOBS, "ns", {"metadata": {"name": "before"}})
    clock.now += DEADLINE_SECONDS
    with pytest.raises(LeaseLostError):
        await client.create(JOBS, "ns", {"metadata": {"name": "late"}})
    assert [name for kind, _, name in server.objects if kind == "jobs"] == ["before"]


async def test_a_holder_whose_lease_was_taken_stops(client: ApiClient, clock: Clock) -> None:
    first, second = lease(client, clock, "a"), lease(client, clock, "b")
    await first.acquire()
    await second.acquire()  # the first renews nothing meanwhile
    with pytest.raises(LeaseLostError, match="another operator took"):
        await first.keep()


async def test_an_api_server_that_is_away_for_a_moment_loses_nothing(
    server: ApiServer, client: ApiClient, clock: Clock
) -> None:
    first = lease(client, clock, "a")
    await first.acquire()
    version = server.objects["leases", "ns", "operator"]["metadata"]["resourceVersion"]
    keeping = asyncio.create_task(first.keep())
    await server.until(
        lambda: server.objects["leases", "ns", "operator"]["metadata"]["resourceVersion"] != version
    )
    assert first.held
    keeping.cancel()
    assert LEASES.path("ns", "operator").startswith("/apis/coordination.k8s.io/v1/")


async def test_a_renewal_whose_answer_was_lost_is_no_loss_of_the_lease(
    server: ApiServer, client: ApiClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = lease(client, clock, "a")
    await first.acquire()
    once, lost = client._transport.exchange, [True]

    async def losing(verb: str, *rest: Any) -> Any:
        answer = await once(verb, *rest)
        if verb == "patch" and lost:
            lost.pop()
            raise aiohttp.ServerDisconnectedError("the answer was lost")
        return answer

    monkeypatch.setattr(client._transport, "exchange", losing)
    assert not await first._try()  # sent again, it met its own first one
    assert first.held
    assert await first._try()
    assert holder(server) == "a"


async def test_renewals_that_fail_are_counted_though_the_next_one_succeeds(
    server: ApiServer, client: ApiClient, clock: Clock
) -> None:
    holding = lease(client, clock, "a")
    await holding.acquire()
    assert holding.failures == 0
    server.faults.append(forbidden())
    keeping = asyncio.create_task(holding.keep())
    await server.until(lambda: not server.faults)
    renewed = len(server.requests)
    await server.until(lambda: len(server.requests) > renewed + 4)
    assert (holding.failures, holding.held) == (1, True)
    keeping.cancel()


def forbidden() -> web.Response:
    return web.json_response({"reason": "Forbidden", "message": "no"}, status=403)
