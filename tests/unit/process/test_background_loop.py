"""A loop beside the operator's: it answers while the other computes, and knows when that hangs."""

from __future__ import annotations

import asyncio
import threading
import time
import urllib.request

from dev.ports import free_port
from orchestrator.controller.telemetry.operator_metrics import OperatorMetrics
from orchestrator.kube.access import Access
from orchestrator.kube.client import ApiClient
from orchestrator.kube.credentials import Credentials
from orchestrator.kube.lease import DEADLINE_SECONDS, Lease, LeaseLostError
from orchestrator.process.background_loop import HUNG, BackgroundLoop
from orchestrator.process.health import hung, serve
from tests.apiserver import ApiServer
from tests.metrics import sources


async def test_probes_are_answered_while_the_operators_loop_computes() -> None:
    address = f"127.0.0.1:{free_port()}"
    metrics = OperatorMetrics()
    metrics.register(sources(), "0.1.0")
    async with BackgroundLoop() as side:
        serving = asyncio.create_task(side.run(serve(address, [], metrics.text, side)))
        await asyncio.sleep(0)  # by now it is on its way to the other loop
        answers: list[bytes] = []

        def ask() -> None:
            while len(answers) < 2:
                try:
                    with urllib.request.urlopen(f"http://{address}/healthz", timeout=5) as answer:
                        answers.append(answer.read())
                except OSError:
                    time.sleep(0.01)

        asking = threading.Thread(target=ask)
        asking.start()
        asking.join(30)  # the loop of this test is blocked meanwhile
        assert answers == [b"ok\n", b"ok\n"]
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_a_lease_is_taken_and_renewed_by_the_loop_beside(server: ApiServer) -> None:
    access = Access(await server.start())
    async with BackgroundLoop() as side:
        client = ApiClient(Credentials(access))
        lease = Lease(client, "ns", "operator", "a", works=lambda: not side.hung)
        await side.run(lease.acquire())
        assert lease.held
        assert server.objects["leases", "ns", "operator"]["spec"]["holderIdentity"] == "a"
        await side.run(lease.release())
        await side.run(client.close())


async def test_a_loop_that_answers_nothing_for_minutes_is_hung() -> None:
    now = 0.0
    async with BackgroundLoop(monotonic=lambda: now) as side:
        assert hung(side) == []
        now = HUNG + 1
        assert hung(side) == ["the process has been hung for 121 seconds"]
        while side.silence:  # noqa: ASYNC110 - until the other thread asks again
            await asyncio.sleep(0.05)
        assert hung(side) == []


async def test_the_lease_of_an_operator_that_hangs_runs_out(client: ApiClient) -> None:
    now, works = 1000.0, True

    async def sleep(seconds: float) -> None:
        nonlocal now, works
        now += seconds
        works = now < 1000 + HUNG
        await asyncio.sleep(0)

    lease = Lease(
        client, "ns", "operator", "a", monotonic=lambda: now, sleep=sleep, works=lambda: works
    )
    await lease.acquire()
    try:
        await lease.keep()
    except LeaseLostError:
        assert HUNG < now - 1000 <= HUNG + DEADLINE_SECONDS + 4
    else:
        raise AssertionError("it was kept")
