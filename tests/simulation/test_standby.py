"""An operator without the lease: its caches are warm, and nothing else grows or is asked for."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Collection
from typing import Any

import pytest

from orchestrator.controller.operator import Operator
from orchestrator.kube.client import ApiClient
from orchestrator.kube.kopf_watch import Take
from orchestrator.kube.lease import Lease
from orchestrator.kube.resources import Resource
from orchestrator.process.logs import EXECUTION
from tests.simulation.faults import FaultyTransport
from tests.simulation.operator_harness import manifest, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store

ONE = {"nodes": [{"name": "only", "action": "local/task"}], "history": {"succeeded": 5}}


class _Standing(Lease):
    """Somebody else has it until the test says so."""

    def __init__(self, client: ApiClient) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(client, NAMESPACE, "operator", "second", monotonic=loop.time)
        self.free = asyncio.Event()

    async def acquire(self) -> None:
        await self.free.wait()
        await super().acquire()


class _Follow:
    """Follows no definitions, and knows how often it was begun."""

    begun = 0

    async def __call__(
        self, _: object, __: Collection[Resource], ___: object, ____: Take, stop: threading.Event
    ) -> None:
        self.begun += 1
        while not stop.is_set():  # noqa: ASYNC110 (it is a thread's Event)
            await asyncio.sleep(1.0)


def _second(store: Store, transport: FaultyTransport, follow: _Follow, **more: Any) -> Operator:
    return Operator(
        ApiClient(transport._credentials, transport),
        runner_image="example.com/runner:1",
        clock=store.clock,
        monotonic=asyncio.get_running_loop().time,
        follow=follow,
        **more,
    )


def _transport(store: Store) -> FaultyTransport:
    return FaultyTransport(store)


async def test_an_execution_that_was_created_before_the_operator_leads_is_in_its_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "orchestrator")
    store = store_with(manifest("Workflow", "main", ONE))
    async with running_operator(store, _transport(store)):  # which lists it before it watches
        await asyncio.sleep(30)
    key = f"{NAMESPACE}/run"
    lines = [each.getMessage() for each in caplog.records if getattr(each, EXECUTION, None) == key]
    assert lines[0] == "event: execution ADDED"
    assert lines.count("event: execution ADDED") == 1
    assert any(line.startswith("decided: end Succeeded") for line in lines)


async def test_who_stands_by_keeps_nothing_of_what_came_and_went_and_takes_over() -> None:
    store = store_with(manifest("Workflow", "main", ONE))
    transport, over = _transport(store), asyncio.Event()
    lease = _Standing(ApiClient(transport._credentials, transport))
    second = _second(store, transport, _Follow(), lease=lease)
    running = asyncio.create_task(second.run(over))
    async with running_operator(store, _transport(store)):
        for number in range(50):
            run = manifest("WorkflowExecution", f"run-{number}", "main")
            store.create("workflowexecutions", NAMESPACE, run)
            await asyncio.sleep(1)
        await asyncio.sleep(60)
    assert len(store.all("workflowexecutions")) < 20
    assert len(second.components.queue) == 0
    assert not second.components.workflow_metrics.queue._timers
    store.create("workflowexecutions", NAMESPACE, manifest("WorkflowExecution", "last", "main"))
    await asyncio.sleep(10)
    asked = transport.requests["get", "workflowexecutions"]
    lease.free.set()
    await asyncio.sleep(30)
    last = store.objects["workflowexecutions", NAMESPACE, "last"]
    assert last["status"]["phase"] == "Succeeded"
    assert transport.requests["get", "workflowexecutions"] - asked < 5
    over.set()
    await running


class _Silent(FaultyTransport):
    """The first watch of executions says nothing, like one of a version that is still to come."""

    watches = 0

    async def stream(self, plural: str, *rest: Any) -> Any:
        if plural == "workflowexecutions":
            self.watches += 1
            if self.watches == 1:
                await asyncio.sleep(90.0)
                raise TimeoutError
        async for line in super().stream(plural, *rest):
            yield line


async def test_after_a_watch_fell_silent_what_kopf_follows_is_listed_again_too() -> None:
    store = store_with(manifest("Workflow", "main", ONE))
    follow, over = _Follow(), asyncio.Event()
    transport = _Silent(store)
    running = asyncio.create_task(_second(store, transport, follow).run(over))
    await asyncio.sleep(80.0)
    assert follow.begun == 1
    await asyncio.sleep(20.0)
    assert follow.begun == 2
    await asyncio.sleep(600.0)
    assert follow.begun == 2
    over.set()
    await running


class _Kept(_Standing):
    """Notes what becomes of it at the end."""

    def __init__(self, client: ApiClient) -> None:
        super().__init__(client)
        self.story: list[str] = []

    async def acquire(self) -> None:
        try:
            await super().acquire()
        finally:
            self.story.append("waited")

    async def keep(self) -> None:
        try:
            await super().keep()
        finally:
            self.story.append("kept")

    async def release(self) -> None:
        self.story.append("released")
        await super().release()


@pytest.mark.parametrize(
    ("held", "story"), [(True, ["waited", "kept", "released"]), (False, ["waited", "released"])]
)
async def test_the_lease_is_renewed_no_longer_when_it_is_released(
    story: list[str], *, held: bool
) -> None:
    store = store_with(manifest("Workflow", "main", ONE))
    transport, over = _transport(store), asyncio.Event()
    lease = _Kept(ApiClient(transport._credentials, transport))
    running = asyncio.create_task(_second(store, transport, _Follow(), lease=lease).run(over))
    if held:
        lease.free.set()
    await asyncio.sleep(20)
    over.set()
    await running
    assert lease.story == story
