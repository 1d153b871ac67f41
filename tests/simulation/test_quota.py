"""Sub-executions that a quota refuses are waited for as Jobs are; events are kept for them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orchestrator.engine.times import from_rfc3339
from orchestrator.kube.client import ApiError, Raw
from tests.simulation.faults import FaultyTransport
from tests.simulation.kubelet import Outcome
from tests.simulation.operator_harness import manifest, run_to_end, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store

COUNT = "count/workflowexecutions.automation.itechsmart.dev"
QUOTA = (
    'workflowexecutions.automation.itechsmart.dev "x" is forbidden: exceeded quota: runs, '
    f"requested: {COUNT}=1, used: {COUNT}=20, limited: {COUNT}=20"
)
RUN = ("workflowexecutions", NAMESPACE, "run")
ITEMS: Raw = {"values": "[1, 2, 3]", "as": "it", "parallelism": 2}


class RoomFor(FaultyTransport):
    """A quota leaves room for so many further executions, and for all after some seconds."""

    def __init__(self, store: Store, room: int, seconds: float) -> None:
        super().__init__(store)
        self._room, self._free_at = room, store.clock() + seconds
        self.refused: list[float] = []

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb == "create" and path.endswith("/workflowexecutions"):
            now = self.store.clock()
            if self._room <= 0 and now < self._free_at:
                self.refused.append(now)
                raise ApiError(403, "Forbidden", QUOTA)
            self._room -= 1
        return await super().exchange(verb, path, *rest)


def store_of(seconds: float = 2.0, **node: Any) -> Store:
    """`run` has one node with sub-executions, each of one action that takes so long."""
    parent: Raw = {
        "defaults": {"startTimeout": "2m"},
        "nodes": [{"name": "sub", "workflow": {"name": "child"}, **node}],
    }
    child = {"nodes": [{"name": "task", "action": "local/task"}]}
    return store_with(
        manifest("Workflow", "main", parent),
        manifest("Workflow", "child", child),
        script=lambda *_: Outcome("success", seconds, 5),
    )


def record_of(store: Store) -> Raw:
    status = store.objects[RUN].get("status") or {}
    record: Raw = (status.get("nodes") or {}).get("sub", {})
    return record


def took(record: Raw) -> float:
    return from_rfc3339(record["finishedAt"]) - from_rfc3339(record["startedAt"])


@pytest.mark.parametrize("node", [{}, {"forEach": ITEMS}])
async def test_a_sub_execution_that_a_quota_refuses_is_waited_for(node: Raw) -> None:
    store = store_of(**node)
    transport = RoomFor(store, 0, 50.0)
    async with running_operator(store, transport):
        await asyncio.sleep(20)
        seen = record_of(store)
        assert (seen["phase"], seen["reason"]) == ("Pending", "QuotaExceeded")
        assert "kubectl -n default describe quota runs" in seen["message"]
        await asyncio.sleep(90)
    assert record_of(store)["phase"] == "Succeeded"
    # After 2, 4, 8 … seconds, each of the items that may run at once.
    assert len(transport.refused) == (10 if node else 5)
    assert len(store.all("workflowexecutions")) == (4 if node else 2)


@pytest.mark.parametrize("most", ["10s", "1h"])
@pytest.mark.parametrize("node", [{}, {"forEach": ITEMS}])
async def test_a_quota_that_stays_is_the_reason_of_the_end(node: Raw, most: str) -> None:
    store = store_of(timeout=most, **node)
    raw = await run_to_end(store, RoomFor(store, 0, 3600.0))
    record = raw["status"]["nodes"]["sub"]
    assert (record["phase"], record["reason"]) == ("Failed", "QuotaExceeded")
    assert "describe quota runs" in record["message"]
    assert 119 < took(record) < 123
    assert len(store.all("workflowexecutions")) == 1


async def test_a_quota_that_stays_is_retried_as_a_failure() -> None:
    retry = {"limit": 1, "reasons": ["Failed"], "backoff": {"initial": "1s"}}
    store = store_of(retry=retry)
    raw = await run_to_end(store, RoomFor(store, 0, 180.0))
    record = raw["status"]["nodes"]["sub"]
    assert (record["phase"], record["attempts"]) == ("Succeeded", 2)


@pytest.mark.parametrize("node", [{}, {"forEach": ITEMS}])
async def test_what_waits_for_a_quota_is_cancelled_at_once(node: Raw) -> None:
    store = store_of(**node)
    async with running_operator(store, RoomFor(store, 0, 3600.0)):
        await asyncio.sleep(20)
        store.patch(RUN, {"spec": {"desiredState": "Cancelled"}})
        await asyncio.sleep(5)
        assert record_of(store)["phase"] == "Cancelled"
        assert store.objects[RUN]["status"]["phase"] == "Cancelled"


@pytest.mark.parametrize("node", [{}, {"forEach": ITEMS}])
async def test_the_clock_of_what_waits_for_a_quota_goes_on_under_a_pause(node: Raw) -> None:
    store = store_of(**node)
    transport = RoomFor(store, 0, 3600.0)
    async with running_operator(store, transport):
        await asyncio.sleep(20)
        store.patch(RUN, {"spec": {"desiredState": "Paused"}})
        await asyncio.sleep(10)
        refused = len(transport.refused)
        await asyncio.sleep(100)
        assert len(transport.refused) == refused
    record = record_of(store)
    assert (record["phase"], record["reason"]) == ("Failed", "QuotaExceeded")


@pytest.mark.parametrize("node", [{}, {"forEach": ITEMS}, {"forEach": ITEMS | {"maxFailed": 1}}])
async def test_the_clock_goes_on_under_a_pause_after_a_restart(node: Raw) -> None:
    store = store_of(**node)
    async with running_operator(store, RoomFor(store, 0, 3600.0)):
        await asyncio.sleep(20)
        store.patch(RUN, {"spec": {"desiredState": "Paused"}})
        await asyncio.sleep(10)
    transport = RoomFor(store, 0, 3600.0)
    async with running_operator(store, transport):
        await asyncio.sleep(120)
    record = record_of(store)
    assert (record["phase"], record["reason"]) == ("Failed", "QuotaExceeded")
    assert "describe quota runs" in record["message"]
    assert 119 < took(record) < 123
    assert transport.refused == []


@pytest.mark.parametrize("node", [{}, {"forEach": ITEMS}])
async def test_what_waits_for_a_quota_does_not_start_after_a_failure_that_stops(node: Raw) -> None:
    parent = {
        "onFailure": "Stop",
        "nodes": [
            {"name": "sub", "workflow": {"name": "child"}, **node},
            {"name": "pause", "delay": "10s"},
            {"name": "boom", "fail": "no"},
        ],
        "edges": [{"from": "pause", "to": "boom"}],
    }
    child = {"nodes": [{"name": "task", "action": "local/task"}]}
    workflows = {"main": parent, "child": child}
    store = store_with(*(manifest("Workflow", name, spec) for name, spec in workflows.items()))
    async with running_operator(store, RoomFor(store, 0, 60.0)):
        await asyncio.sleep(100)
    assert record_of(store)["phase"] == "Cancelled"
    assert len(store.all("workflowexecutions")) == 1


@pytest.mark.parametrize("node", [{}, {"forEach": ITEMS}])
async def test_a_restarted_operator_continues_to_wait_for_the_quota(node: Raw) -> None:
    store = store_of(**node)
    async with running_operator(store, RoomFor(store, 0, 3600.0)):
        await asyncio.sleep(60)
    raw = await run_to_end(store, RoomFor(store, 0, 3600.0))
    record = raw["status"]["nodes"]["sub"]
    assert record["reason"] == "QuotaExceeded"
    assert 119 < took(record) < 123


async def test_the_time_of_a_sub_execution_counts_from_its_creation() -> None:
    store = store_of(20.0, timeout="25s")
    raw = await run_to_end(store, RoomFor(store, 0, 12.0))
    assert raw["status"]["nodes"]["sub"]["phase"] == "Succeeded"


async def test_items_that_run_go_on_while_others_wait_for_the_quota() -> None:
    store = store_of(forEach={**ITEMS, "parallelism": 3})
    async with running_operator(store, RoomFor(store, 2, 60.0)):
        await asyncio.sleep(30)
        seen = record_of(store)
        assert (seen["phase"], seen["completed"]) == ("Running", "0-1")
        assert "2 of 3 items; the next one waits: quota runs" in seen["message"]
        await asyncio.sleep(60)
    assert record_of(store)["completed"] == "0-2"
    assert record_of(store)["phase"] == "Succeeded"


@pytest.mark.parametrize(("may_fail", "phase"), [(0, "Failed"), (1, "Succeeded")])
async def test_an_item_that_waited_in_vain_counts_as_failed(may_fail: int, phase: str) -> None:
    store = store_of(forEach={**ITEMS, "maxFailed": may_fail})
    raw = await run_to_end(store, RoomFor(store, 2, 3600.0))
    record = raw["status"]["nodes"]["sub"]
    assert (record["phase"], record["completed"], record["failed"]) == (phase, "0-1", "2")
    if phase == "Failed":
        assert record["reason"] == "ItemsFailed"
        assert "item 2: quota runs" in record["message"]
    assert 119 < took(record) < 140
