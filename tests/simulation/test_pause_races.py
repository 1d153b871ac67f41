"""Pauses and cancellations of whole operators, between a creation and the write about it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from orchestrator.kube.client import Raw
from tests.simulation.faults import FaultyTransport
from tests.simulation.kubelet import Kubelet, Outcome
from tests.simulation.operator_harness import TERMINAL, manifest, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store

RUN = ("workflowexecutions", NAMESPACE, "run")


# Through the whole operator


def _store(parent: Raw, seconds: float = 20.0, kind: str = "success") -> Store:
    """`run` of this workflow; `child` has two nodes that take so long, one after the other."""
    child = {
        "nodes": [{"name": name, "action": "local/task"} for name in ("first", "then")],
        "edges": [{"from": "first", "to": "then"}],
    }
    store = store_with(manifest("Workflow", "main", parent), manifest("Workflow", "child", child))
    store.observers.clear()

    def outcome(_: str, node: str, *__: int) -> Outcome:
        return Outcome(kind if node == "bad" else "success", seconds, 5)

    Kubelet(store, outcome, random.Random(1))
    return store


async def _played(store: Store, *, restart: bool) -> Raw:
    """The run, paused after five seconds, once it has ended; perhaps with a restart meanwhile."""
    transport = FaultyTransport(store)
    async with running_operator(store, transport):
        await asyncio.sleep(5.0)
        store.patch(RUN, {"spec": {"desiredState": "Paused"}})
        await asyncio.sleep(5.0)
        if not restart:
            return await _ended(store)
    transport = FaultyTransport(store)
    async with running_operator(store, transport):
        return await _ended(store)


async def _ended(store: Store) -> Raw:
    async with asyncio.timeout(600):
        while store.objects[RUN].get("status", {}).get("phase") not in TERMINAL:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
    status: Raw = store.objects[RUN]["status"]
    return status


_SUB = {"name": "sub", "workflow": {"name": "child"}}
_FAN = {**_SUB, "forEach": {"values": "[1, 2, 3]", "as": "it", "parallelism": 2}}


@pytest.mark.parametrize("restart", [False, True], ids=["goes-on", "restarts"])
@pytest.mark.parametrize("node", [_SUB, _FAN], ids=["sub-workflow", "fan-out"])
async def test_sub_executions_paused_with_their_parent_end_with_its_timeout(
    node: Raw, restart: bool
) -> None:
    store = _store({
        "nodes": [node, {"name": "next", "delay": "1s"}, {"name": "tell", "transform": {"x": "1"}}],
        "edges": [{"from": "sub", "to": "next"}], "finally": ["tell"], "timeout": "60s",
    })  # fmt: skip
    status = await _played(store, restart=restart)
    phases = {name: record["phase"] for name, record in status["nodes"].items()}
    assert status["phase"] == "TimedOut"
    assert phases == {"sub": "Cancelled", "next": "Skipped", "tell": "Succeeded"}


@pytest.mark.parametrize("restart", [False, True], ids=["goes-on", "restarts"])
@pytest.mark.parametrize(
    ("node", "comes_to"),
    [(_SUB, "Succeeded"), (_FAN, "Cancelled")],
    ids=["sub-workflow", "fan-out"],
)
async def test_sub_executions_paused_with_their_parent_end_after_a_failure_that_stops_it(
    node: Raw, comes_to: str, restart: bool
) -> None:
    store = _store({
        "nodes": [node, {"name": "bad", "action": "local/task"},
                  {"name": "then", "delay": "1s"}, {"name": "tell", "transform": {"x": "1"}}],
        "edges": [{"from": "bad", "to": "then"}], "finally": ["tell"], "onFailure": "Stop",
    }, kind="failure")  # fmt: skip
    status = await _played(store, restart=restart)
    phases = {name: record["phase"] for name, record in status["nodes"].items()}
    assert status["phase"] == "Failed"
    assert phases == {"sub": comes_to, "bad": "Failed", "then": "Skipped", "tell": "Succeeded"}
    children = [raw for raw in store.all("workflowexecutions") if raw["spec"].get("parent")]
    assert {raw["status"]["phase"] for raw in children} == {"Succeeded"}


class _Intervening(FaultyTransport):
    """Somebody asks for a state right after anything was created for the node `then`: before the
    status that records it is written."""

    def __init__(self, store: Store, state: str, late: float = 0.0) -> None:
        """`late`: seconds by which watches are behind with what was created."""
        super().__init__(store)
        self._asks, self._late = state, late

    async def stream(self, plural: str, *rest: Any) -> AsyncIterator[bytes]:
        async for line in super().stream(plural, *rest):
            await asyncio.sleep(self._late * (b"-then-" in line))
            yield line

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        answer = await super().exchange(verb, path, *rest)
        made = verb == "create" and path.endswith(("/jobs", "/workflowexecutions"))
        if made and "-then-" in answer["metadata"]["name"] and self._asks:
            self.store.patch(RUN, {"spec": {"desiredState": self._asks}})
            self._asks = ""
        return answer


_THEN: list[Raw] = [
    {"action": "local/task"},
    {"workflow": {"name": "child"}},
    {**{key: _FAN[key] for key in ("workflow", "forEach")}},
    {"action": "local/task", "forEach": {"values": "[1, 2]", "as": "it"}},
]


def _in_between(node: Raw) -> Store:
    nodes = [
        {"name": "first", "action": "local/task"},
        {"name": "then", **node},
        {"name": "after", "delay": "1s"},
    ]
    edges = [{"from": "first", "to": "then"}, {"from": "then", "to": "after"}]
    return _store({"nodes": nodes, "edges": edges}, seconds=3.0)


@pytest.mark.parametrize("node", _THEN, ids=["action", "sub-workflow", "fan-out", "items"])
async def test_what_was_created_before_a_pause_was_known_is_recorded_and_paused(node: Raw) -> None:
    store = _in_between(node)
    async with running_operator(store, _Intervening(store, "Paused")):
        await asyncio.sleep(60.0)
        status = store.objects[RUN]["status"]
        children = [raw for raw in store.all("workflowexecutions") if raw["spec"].get("parent")]
        assert status["phase"] == "Paused"
        assert status["nodes"]["then"]["phase"] == ("Running" if children else "Succeeded")
        assert {raw["spec"]["desiredState"] for raw in children} <= {"Paused"}
        store.patch(RUN, {"spec": {"desiredState": "Running"}})
        assert (await _ended(store))["phase"] == "Succeeded"


@pytest.mark.parametrize("late", [0.0, 20.0])
@pytest.mark.parametrize("node", _THEN, ids=["action", "sub-workflow", "fan-out", "items"])
async def test_what_was_created_before_a_cancellation_was_known_ends_with_it(
    node: Raw, late: float
) -> None:
    store = _in_between(node)
    async with running_operator(store, _Intervening(store, "Cancelled", late)):
        assert (await _ended(store))["phase"] == "Cancelled"
        await asyncio.sleep(3 * late)
        children = [raw for raw in store.all("workflowexecutions") if raw["spec"].get("parent")]
        assert {(raw.get("status") or {}).get("phase") for raw in children} <= {"Cancelled"}
        await asyncio.sleep(15.0)
        pods = [pod["status"]["phase"] for pod in store.all("pods")]
        assert "Running" not in pods


class _Writes(FaultyTransport):
    """Counts the requests that change something."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.changes: list[tuple[str, str]] = []

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb not in ("get", "list"):
            self.changes.append((verb, path))
        return await super().exchange(verb, path, *rest)


@pytest.mark.parametrize("node", [_SUB, _FAN], ids=["sub-workflow", "fan-out"])
async def test_a_paused_execution_writes_nothing_however_often_it_asks(node: Raw) -> None:
    until = {"name": "until", "wait": {"until": "nodes.sub.phase == 'Succeeded'"}}
    store = _store({"nodes": [{**node, "timeout": "5h"}, until]}, seconds=30.0)
    transport = _Writes(store)
    async with running_operator(store, transport):
        await asyncio.sleep(5.0)
        store.patch(RUN, {"spec": {"desiredState": "Paused"}})
        await asyncio.sleep(120.0)
        transport.changes.clear()
        await asyncio.sleep(1800.0)
        assert transport.changes == []
        store.patch(RUN, {"spec": {"desiredState": "Running"}})
        status = await _ended(store)
    assert status["phase"] == "Succeeded"


async def test_the_record_of_a_sub_execution_is_no_jobs_once_it_was_paused_and_resumed() -> None:
    store = _store({"nodes": [_SUB]})
    async with running_operator(store, FaultyTransport(store)):
        for state in ("Paused", "Running"):
            await asyncio.sleep(5.0)
            store.patch(RUN, {"spec": {"desiredState": state}})
        await asyncio.sleep(5.0)
        record = store.objects[RUN]["status"]["nodes"]["sub"]
        assert record["reason"] == "SubWorkflowCreated"
        assert "job" not in record
