"""How soon an execution gets its turn: no pass holds up others for longer than it must."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from orchestrator.kube.client import Raw
from orchestrator.kube.errors import ApiError
from tests.simulation.faults import FaultyTransport
from tests.simulation.kubelet import Outcome
from tests.simulation.operator_harness import manifest, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store

LATENCY = 0.5
CHILDREN, OTHERS = 20, 10
EACH = {"values": str([*range(CHILDREN)]), "as": "number", "parallelism": CHILDREN}


def phases(store: Store) -> Counter[str]:
    statuses = (raw.get("status") or {} for raw in store.all("workflowexecutions"))
    return Counter(status.get("phase", "") for status in statuses)


class Counting(FaultyTransport):
    """Counts the requests under way at once, by verb and resource."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, latency=LATENCY)
        self._under_way: Counter[str] = Counter()
        self.peaks: Counter[str] = Counter()

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        kind = f"{verb} {_resource(path)}"
        self._under_way[kind] += 1
        self.peaks[kind] = max(self.peaks[kind], self._under_way[kind])
        try:
            return await super().exchange(verb, path, *rest)
        finally:
            self._under_way[kind] -= 1


def _resource(path: str) -> str:
    plural, *rest = path.partition(f"/namespaces/{NAMESPACE}/")[2].split("/")
    return f"{plural}/status" if rest[1:] == ["status"] else plural


class Contended(FaultyTransport):
    """Someone cancels every other execution, and writes first, when `run` is to be stored as
    succeeded."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.conflicts = 0
        self.after: list[str] = []
        """Executions that are read or written from then on."""

    async def exchange(
        self, verb: str, path: str, query: Any, data: bytes | None, *rest: Any
    ) -> Raw:
        if self.conflicts and "/workflowexecutions/" in path:
            self.after.append(path.partition("/workflowexecutions/")[2])
        if path.endswith("/run/status") and b'"Succeeded"' in (data or b"") and not self.conflicts:
            self.conflicts = 1
            for number in range(OTHERS):
                key = ("workflowexecutions", NAMESPACE, f"r{number}")
                self.store.patch(key, {"spec": {"desiredState": "Cancelled"}})
            await asyncio.sleep(1.0)
            raise ApiError(409, "Conflict", "the object has been modified")
        return await super().exchange(verb, path, query, data, *rest)


async def test_a_pass_that_lost_a_conflict_does_not_wait_behind_all_other_executions() -> None:
    store = store_with(
        manifest("Workflow", "main", {"nodes": [{"name": "a", "action": "local/task"}]}),
        script=lambda name, *_: Outcome("success", 20.0 if name == "run" else 600.0, 5),
    )
    for number in range(OTHERS):
        other = manifest("WorkflowExecution", f"r{number}", "main")
        store.create("workflowexecutions", NAMESPACE, other)
    transport = Contended(store)
    async with running_operator(store, transport, workers=1):
        await asyncio.sleep(120)
    assert phases(store) == {"Succeeded": 1, "Cancelled": OTHERS}
    assert transport.after[0] == "run"


class Unlisted(FaultyTransport):
    """A list of Jobs by their execution is not answered before `listed` is set."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.asked, self.listed = asyncio.Event(), asyncio.Event()

    async def exchange(self, verb: str, path: str, query: Any, *rest: Any) -> Raw:
        if verb == "list" and "execution-uid=" in query.get("labelSelector", ""):
            self.asked.set()
            await self.listed.wait()
        return await super().exchange(verb, path, query, *rest)


async def test_others_go_on_while_the_jobs_of_one_that_ends_are_listed() -> None:
    store = store_with(
        manifest("Workflow", "main", {"nodes": [{"name": "a", "action": "local/task"}]})
    )
    transport = Unlisted(store)
    async with running_operator(store, transport, workers=1):
        async with asyncio.timeout(60):
            await transport.asked.wait()
        other = manifest("WorkflowExecution", "other", "main")
        store.create("workflowexecutions", NAMESPACE, other)
        await asyncio.sleep(30)
        assert len(store.all("jobs")) == 2
        assert phases(store) == {"Running": 2}
        transport.listed.set()
        await asyncio.sleep(30)
    assert phases(store) == {"Succeeded": 2}


def with_children(**spec: Any) -> Store:
    """`run` has twenty sub-executions, each with one Job of ten minutes."""
    child = {
        "nodes": [{"name": "a", "action": "local/task", "timeout": "1h"}],
        "outputs": [{"name": "value", "value": "nodes.a.outputs.value"}],
    }
    node = {"name": "sub", "workflow": {"name": "child"}, "forEach": {**EACH, **spec}}
    return store_with(
        manifest("Workflow", "main", {"nodes": [node]}),
        manifest("Workflow", "child", child),
        script=lambda *_: Outcome("success", 600.0, 5),
    )


async def test_all_sub_executions_are_cancelled_at_the_same_time() -> None:
    store, run = with_children(), ("workflowexecutions", NAMESPACE, "run")
    transport = Counting(store)
    async with running_operator(store, transport):
        await asyncio.sleep(60)
        assert phases(store) == {"Running": 1 + CHILDREN}
        transport.peaks.clear()
        store.patch(run, {"spec": {"desiredState": "Cancelled"}})
        await asyncio.sleep(60)
    assert phases(store) == {"Cancelled": 1 + CHILDREN}
    assert transport.peaks["patch workflowexecutions"] == CHILDREN


async def test_the_outputs_of_all_sub_executions_are_read_at_the_same_time() -> None:
    store = with_children(gather=["value"])
    transport = Counting(store)
    async with running_operator(store, transport):
        await asyncio.sleep(60)
        transport.peaks.clear()
        await asyncio.sleep(900)
    run = store.objects["workflowexecutions", NAMESPACE, "run"]
    assert run["status"]["nodes"]["sub"]["outputs"] == {"value": [5] * CHILDREN}
    assert transport.peaks["get workflowexecutions"] == CHILDREN


async def test_the_pods_of_a_terminated_fan_out_are_deleted_at_the_same_time() -> None:
    node = {"name": "fan", "action": "local/task", "timeout": "1h", "forEach": EACH}
    store = store_with(
        manifest("Workflow", "main", {"nodes": [node]}),
        script=lambda *_: Outcome("success", 600.0, 5),
    )
    transport = Counting(store)
    async with running_operator(store, transport):
        await asyncio.sleep(30)
        assert len(store.all("pods")) == CHILDREN
        run = ("workflowexecutions", NAMESPACE, "run")
        store.patch(run, {"spec": {"desiredState": "Terminated"}})
        await asyncio.sleep(60)
    assert store.objects[run]["status"]["phase"] == "Cancelled"
    assert transport.peaks["delete pods"] == CHILDREN
