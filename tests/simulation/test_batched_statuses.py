"""Batched writes of statuses: few of them, and nothing that is not written in the end."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from orchestrator.kube.client import ApiError, Raw
from orchestrator.models.labels import EXECUTION_UID
from tests.simulation.faults import Faults, FaultyTransport
from tests.simulation.kubelet import Kubelet, Outcome
from tests.simulation.operator_harness import manifest, run_to_end, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store

CHAINS, LENGTH = 40, 4


class _Counting(FaultyTransport):
    """Counts writes of statuses."""

    statuses = 0

    def __init__(self, store: Store) -> None:
        # With this seed the event that a pod runs does not come together with that of its end.
        super().__init__(store, Faults(), random.Random(2), 0.01)

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        self.statuses += verb == "patch" and path.endswith("/run/status")
        return await super().exchange(verb, path, *rest)


def side_by_side() -> Raw:
    """Chains side by side in one workflow."""
    chains = [[f"c{chain}n{index}" for index in range(LENGTH)] for chain in range(CHAINS)]
    return {
        "nodes": [{"name": name, "action": "local/task"} for names in chains for name in names],
        "edges": [
            {"from": source, "to": target} for names in chains for source, target in pairwise(names)
        ],
    }


async def test_ends_of_nodes_that_are_close_together_are_one_write() -> None:
    store = store_with(manifest("Workflow", "main", side_by_side()))
    transport = _Counting(store)
    raw = await run_to_end(store, transport)
    assert raw["status"]["phase"] == "Succeeded"
    assert raw["status"]["counts"]["succeeded"] == CHAINS * LENGTH
    assert len(store.all("jobs")) == CHAINS * LENGTH
    assert transport.statuses < CHAINS * LENGTH / 2


async def test_a_stop_writes_what_waits() -> None:
    store = store_with(manifest("Workflow", "main", side_by_side()))
    half_way = asyncio.Event()

    def observe(*_: object) -> None:
        if len(store.all("jobs")) > 1.5 * CHAINS:
            half_way.set()

    store.observers.append(observe)
    async with running_operator(store, _Counting(store)):
        await half_way.wait()
    status = store.objects["workflowexecutions", NAMESPACE, "run"]["status"]
    jobs = {job["metadata"]["name"] for job in store.all("jobs")}
    assert len(jobs) < CHAINS * LENGTH
    assert {record.get("job") for record in status["nodes"].values()} == jobs


def one_node_each(executions: int) -> Store:
    """So many executions of a workflow of one node, created at once."""
    task = {"nodes": [{"name": "task", "action": "local/task"}]}
    store = store_with(manifest("Workflow", "main", task))
    for number in range(1, executions):
        raw = manifest("WorkflowExecution", f"run-{number}", "main")
        store.create("workflowexecutions", NAMESPACE, raw)
    return store


async def all_ended(store: Store, transport: FaultyTransport) -> None:
    """Until every execution has succeeded."""
    async with running_operator(store, transport), asyncio.timeout(3600):
        while True:
            if all(_phase(raw) == "Succeeded" for raw in store.all("workflowexecutions")):
                return
            await asyncio.sleep(0.1)


def _phase(execution: Raw) -> str:
    phase: str = (execution.get("status") or {}).get("phase", "")
    return phase


class _Asked(FaultyTransport):
    """Counts what is asked for; a list of an execution's Jobs takes a while."""

    SECONDS = 0.2

    def __init__(self, store: Store) -> None:
        # With this seed the event that a pod runs does not come together with that of its end.
        super().__init__(store, Faults(), random.Random(2), 0.01)
        self.statuses = self.lists = 0

    async def exchange(self, verb: str, path: str, query: Mapping[str, str], *rest: Any) -> Raw:
        self.statuses += "/workflowexecutions/" in path and path.endswith("/status")
        named = query.get("labelSelector", "") != EXECUTION_UID
        if verb == "list" and path.endswith("/jobs") and named:
            self.lists += 1
            await asyncio.sleep(self.SECONDS)
        return await super().exchange(verb, path, query, *rest)


async def test_that_a_pod_runs_is_shown_soon_of_one_and_rarely_of_many_at_once() -> None:
    alone, many = _Asked(one_node_each(1)), _Asked(one_node_each(300))
    await all_ended(alone.store, alone)
    await all_ended(many.store, many)
    assert alone.statuses == 3
    assert many.statuses == 2 * 300


async def test_executions_that_end_close_together_share_a_list_of_the_jobs() -> None:
    store, ends = one_node_each(600), itertools.count()
    store.observers.clear()
    Kubelet(store, lambda *_: Outcome("success", 2.0 + 0.015 * next(ends), 5), random.Random(1))
    transport = _Asked(store)
    await all_ended(store, transport)
    # In nine seconds; each takes 0.2 s for 50 executions at most, and as many again would not rest.
    assert transport.lists < 35


class _SlowStatuses(FaultyTransport):
    """The API server takes half a minute over a status."""

    SECONDS = 30.0

    def __init__(self, store: Store) -> None:
        # With this seed the event that a pod runs does not come together with that of its end.
        super().__init__(store, Faults(), random.Random(2), 0.01)

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb == "patch" and path.endswith("/run/status"):
            await asyncio.sleep(self.SECONDS)
        return await super().exchange(verb, path, *rest)


async def test_the_next_node_does_not_wait_until_progress_is_written() -> None:
    chain = [f"n{index}" for index in range(10)]
    edges = [{"from": source, "to": target} for source, target in pairwise(chain)]
    nodes = [{"name": name, "action": "local/task"} for name in chain]
    store = store_with(manifest("Workflow", "main", {"nodes": nodes, "edges": edges}))
    made: list[float] = []

    def observe(plural: str, old: Raw | None, _: Raw | None) -> None:
        if plural == "jobs" and old is None:
            made.append(store.clock())

    store.observers.append(observe)
    raw = await run_to_end(store, _SlowStatuses(store))
    assert raw["status"]["phase"] == "Succeeded"
    assert len(made) == len(chain)
    assert made[-1] - made[0] < _SlowStatuses.SECONDS


class _LosesProgress(FaultyTransport):
    """The first write of progress never arrives, while the creation of a Job takes its time."""

    writes_of_status = 0

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb == "patch" and path.endswith("/run/status"):
            self.writes_of_status += 1
            if 2 <= self.writes_of_status <= 6:
                raise aiohttp.ServerDisconnectedError("the request was lost")
        if verb == "create" and path.endswith("/jobs") and b'"name":"main-cc-' in rest[1]:
            await asyncio.sleep(20.0)
        return await super().exchange(verb, path, *rest)


async def test_after_progress_was_lost_nothing_is_written_that_rests_on_it() -> None:
    names = ["aa", "bb", "cc", "dd"]
    nodes = [{"name": name, "action": "local/task"} for name in names]
    edges = [{"from": source, "to": target} for source, target in pairwise(names)]
    store = store_with(manifest("Workflow", "main", {"nodes": nodes, "edges": edges}))
    store.observers.clear()
    seconds = {"bb": 0.2, "cc": 8.0}
    rng = random.Random(1)
    Kubelet(store, lambda _, node, *__: Outcome("success", seconds.get(node, 2.0), 5), rng)
    wrong: list[Raw] = []

    def observe(plural: str, _: Raw | None, new: Raw | None) -> None:
        if plural != "workflowexecutions" or new is None:
            return
        records = (new.get("status") or {}).get("nodes") or {}
        for source, target in pairwise(names):
            if target in records and records[source]["phase"] != "Succeeded":
                wrong.append(records)

    store.observers.append(observe)
    transport = _LosesProgress(store)
    raw = await run_to_end(store, transport)
    assert raw["status"]["phase"] == "Succeeded"
    assert transport.writes_of_status > 6
    assert wrong == []


class _RefusesProgress(FaultyTransport):
    """The second write of the status is refused, as no API server should."""

    writes_of_status = 0

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb == "patch" and path.endswith("/run/status"):
            self.writes_of_status += 1
            if self.writes_of_status == 2:
                raise ApiError(422, "Invalid", "not this status")
        return await super().exchange(verb, path, *rest)


async def test_why_progress_could_not_be_written_is_told_as_of_any_pass(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nodes = [{"name": name, "action": "local/task"} for name in ("aa", "bb")]
    edges = [{"from": "aa", "to": "bb"}]
    store = store_with(manifest("Workflow", "main", {"nodes": nodes, "edges": edges}))
    raw = await run_to_end(store, _RefusesProgress(store))
    assert raw["status"]["phase"] == "Succeeded"
    (told,) = [record for record in caplog.records if "not this status" in record.getMessage()]
    assert told.levelname == "WARNING"
    assert "execution ('default', 'run') failed" in told.getMessage()
