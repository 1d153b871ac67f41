"""What no watch reported in time, or at all, is acted upon as soon as it is known otherwise."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from orchestrator.kube.client import ApiError, Raw
from tests.simulation.faults import FaultyTransport
from tests.simulation.kubelet import Kubelet, Outcome
from tests.simulation.operator_harness import (
    TERMINAL,
    manifest,
    run_to_end,
    running_operator,
    store_with,
)
from tests.simulation.scenario import NAMESPACE

ACTION = {"nodes": [{"name": "only", "action": "local/task"}]}


class _LateJobs(FaultyTransport):
    """The watch of Jobs tells nothing for 15 seconds, and has then expired."""

    late = True

    async def stream(
        self, plural: str, path: str, query: Mapping[str, str], accept: str
    ) -> AsyncIterator[bytes]:
        if plural == "jobs" and self.late:
            self.late = False
            await asyncio.sleep(15.0)
            raise ApiError(410, "Expired", "too old resource version")
        async for line in super().stream(plural, path, query, accept):
            yield line


async def test_a_job_that_is_first_seen_when_it_has_failed_is_an_event() -> None:
    store = store_with(manifest("Workflow", "main", ACTION))
    store.observers.clear()
    Kubelet(store, lambda *_: Outcome("failure", 7.0, 5), random.Random(1))
    began = store.clock()
    raw = await run_to_end(store, _LateJobs(store))
    assert raw["status"]["phase"] == "Failed"
    assert store.clock() - began < 20.0


class _LostRelease(FaultyTransport):
    """Giving a slot back fails until it is given up."""

    losing = 5

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb in ("patch", "delete") and "/configmaps/slots-" in path and self.losing:
            self.losing -= 1
            raise aiohttp.ServerDisconnectedError("the request was lost")
        return await super().exchange(verb, path, *rest)


async def test_a_slot_that_could_not_be_given_back_is_given_back_at_the_next_check() -> None:
    limited = {**ACTION, "concurrency": {"limit": 1}}
    store = store_with(manifest("Workflow", "main", limited))
    times: dict[tuple[str, str], float] = {}
    begun, over = asyncio.Event(), asyncio.Event()

    def observe(plural: str, _: Raw | None, new: Raw | None) -> None:
        phase = ((new or {}).get("status") or {}).get("phase")
        if plural == "workflowexecutions" and new is not None and phase:
            name = new["metadata"]["name"]
            times.setdefault((name, phase), store.clock())
            begun.set()
            if name == "next" and phase in TERMINAL:
                over.set()

    store.observers.append(observe)
    transport = _LostRelease(store)
    async with running_operator(store, transport), asyncio.timeout(600):
        await begun.wait()
        store.create("workflowexecutions", NAMESPACE, manifest("WorkflowExecution", "next", "main"))
        await over.wait()
    assert not transport.losing
    assert times["next", "Running"] - times["run", "Succeeded"] < 12.0
