"""A webhook of others looks at a creation before the API server asks whether the object exists.

So where a creation took effect and its answer was lost, asking again may be answered with a no.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

import aiohttp
import pytest

from orchestrator.controller.assembly import Operator
from orchestrator.controller.client import ApiClient, ApiError, Raw
from orchestrator.controller.resources import Resource
from orchestrator.controller.watching import Take
from orchestrator.models.base import API_VERSION
from tests.simulation.faults import Faults, FaultyTransport
from tests.simulation.kubelet import Kubelet, Outcome
from tests.simulation.scenario import NAMESPACE, TASK
from tests.simulation.store import Store
from tests.simulation.trial import START

TERMINAL = ("Succeeded", "Failed", "TimedOut", "Cancelled")


class _Webhook(FaultyTransport):
    """The first creation of a kind is lost, or its answer, and all later are refused."""

    def __init__(self, store: Store, plural: str, status: int, *, made: bool = True) -> None:
        super().__init__(store, Faults(), random.Random(1), 0.01)
        self._plural, self._status = plural, status
        self._made, self._first = made, True

    async def _once(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb != "create" or not path.endswith(f"/{self._plural}"):
            return await super()._once(verb, path, *rest)
        if not self._first:
            raise ApiError(self._status, "Invalid", "admission webhook denied the request")
        self._first = False
        if self._made:
            await super()._once(verb, path, *rest)
        raise aiohttp.ServerDisconnectedError("the answer was lost")

    async def stream(
        self, plural: str, path: str, query: Mapping[str, str], accept: str
    ) -> AsyncIterator[bytes]:
        """Watches are late: no cache knows of the first creation when it is tried again."""
        await asyncio.sleep(15.0)
        async for line in super().stream(plural, path, query, accept):
            yield line


def _store(*workflows: Mapping[str, Any]) -> Store:
    loop, rng = asyncio.get_running_loop(), random.Random(1)
    store = Store(lambda: START + loop.time(), rng)
    Kubelet(store, lambda *_: Outcome("success", 2.0, 5), rng)
    store.create("templates", NAMESPACE, TASK)
    for workflow in workflows:
        store.create("workflows", NAMESPACE, dict(workflow))
    store.create("workflowexecutions", NAMESPACE, _manifest("WorkflowExecution", "run", "main"))
    return store


def _manifest(kind: str, name: str, spec: Any) -> Raw:
    spec = {"workflow": spec} if isinstance(spec, str) else spec
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


async def _played(store: Store, transport: FaultyTransport) -> Raw:
    """The execution once it has ended."""
    client = ApiClient(transport._credentials, transport)

    async def follow(
        _: object, resources: Collection[Resource], __: object, take: Take, stop: threading.Event
    ) -> None:
        for resource in resources:
            for raw in (await client.list(resource))[0]:
                take(resource, None, raw)
        while not stop.is_set():  # noqa: ASYNC110 (it is a thread's Event)
            await asyncio.sleep(1.0)

    operator = Operator(
        client,
        runner_image="example.com/runner:1",
        clock=store.clock,
        monotonic=asyncio.get_running_loop().time,
        follow=follow,
    )
    over = asyncio.Event()
    running = asyncio.create_task(operator.run(over))
    try:
        async with asyncio.timeout(3600):
            while True:
                raw = store.objects["workflowexecutions", NAMESPACE, "run"]
                if (raw.get("status") or {}).get("phase") in TERMINAL:
                    return raw
                await asyncio.sleep(1.0)
    finally:
        over.set()
        await running


ACTION = {"nodes": [{"name": "only", "action": "local/task"}]}
CHILD = {"nodes": [{"name": "only", "workflow": {"name": "child"}}]}


@pytest.mark.parametrize("status", [403, 422])
async def test_a_job_that_exists_runs_whatever_a_webhook_says_then(status: int) -> None:
    store = _store(_manifest("Workflow", "main", ACTION))
    raw = await _played(store, _Webhook(store, "jobs", status))
    assert raw["status"]["phase"] == "Succeeded"
    assert raw["status"]["nodes"]["only"]["outputs"] == {"value": 5}
    assert len(store.all("jobs")) == 1


@pytest.mark.parametrize("status", [403, 422])
async def test_a_sub_execution_that_exists_runs_whatever_a_webhook_says_then(status: int) -> None:
    store = _store(_manifest("Workflow", "main", CHILD), _manifest("Workflow", "child", ACTION))
    raw = await _played(store, _Webhook(store, "workflowexecutions", status))
    assert raw["status"]["phase"] == "Succeeded"
    assert len(store.all("workflowexecutions")) == 2


async def test_a_job_that_a_webhook_refuses_fails_its_node_at_once_with_its_words() -> None:
    store = _store(_manifest("Workflow", "main", ACTION))
    raw = await _played(store, _Webhook(store, "jobs", 422, made=False))
    node = raw["status"]["nodes"]["only"]
    assert (raw["status"]["phase"], node["reason"]) == ("Failed", "JobRefused")
    assert "webhook denied" in node["message"]
    assert store.clock() - START < 10  # in virtual time: before any watch has told of anything
    assert store.all("jobs") == []
