"""Executions of others under the names of sub-executions: passed over, and never controlled."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import pytest

from orchestrator.jobs.names import job_name
from orchestrator.kube.client import ApiError, Raw
from orchestrator.models.base import MAX_SALTS
from orchestrator.models.labels import PARENT_UID
from tests.simulation.faults import Faults, FaultyTransport
from tests.simulation.operator_harness import manifest, run_to_end, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store

CHILD = {
    "variables": [{"name": "value", "type": "integer", "default": 7}],
    "nodes": [{"name": "task", "action": "local/task"}],
    "outputs": [{"name": "out", "value": "vars.value"}],
}


def parent(**node: Any) -> Store:
    """`run` has one node, a sub-workflow whose output is 1; by itself it gives 7."""
    sub = {"name": "sub", "workflow": {"name": "child", "variables": {"value": 1}}, **node}
    main = {"nodes": [sub], "outputs": [{"name": "out", "value": "nodes.sub.outputs.out"}]}
    return store_with(manifest("Workflow", "main", main), manifest("Workflow", "child", CHILD))


def take(store: Store, salts: int, node: str = "sub", attempt: int = 1) -> list[str]:
    """Somebody creates executions under the first names of the node's sub-execution."""
    uid = store.objects["workflowexecutions", NAMESPACE, "run"]["metadata"]["uid"]
    names = [job_name("main", node, uid, attempt, salt) for salt in range(salts)]
    for name in names:
        store.create("workflowexecutions", NAMESPACE, manifest("WorkflowExecution", name, "child"))
    return names


def children(store: Store) -> list[Raw]:
    return [raw for raw in store.all("workflowexecutions") if raw["spec"].get("parent")]


def healthy(store: Store, seed: int = 1) -> FaultyTransport:
    return FaultyTransport(store, Faults(), random.Random(seed), 0.01)


class Dies(FaultyTransport):
    """Does not survive its n-th creation of an execution, or what follows it by so many writes."""

    def __init__(self, store: Store, writes: int) -> None:
        super().__init__(store)
        self._writes = writes

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        answer = await super().exchange(verb, path, *rest)
        if verb in ("create", "patch") and "/events" not in path:
            self._writes -= 1
            if self._writes == 0:
                await self.die()
        return answer


@pytest.mark.parametrize("salts", [1, 3, MAX_SALTS])
async def test_a_sub_execution_has_another_name_where_others_took_the_first(salts: int) -> None:
    store = parent()
    taken = take(store, salts)
    raw = await run_to_end(store, healthy(store))
    assert (raw["status"]["phase"], raw["status"]["outputs"]) == ("Succeeded", {"out": 1})
    (child,) = children(store)
    assert child["metadata"]["name"] not in taken
    said = [event["message"] for event in store.all("events") if event["reason"] == "NameTaken"]
    assert len(said) == salts
    assert all(any(name in text for name in taken) for text in said)


async def test_where_others_took_every_name_the_node_fails_and_says_so() -> None:
    store = parent()
    take(store, MAX_SALTS + 1)
    raw = await run_to_end(store, healthy(store))
    record = raw["status"]["nodes"]["sub"]
    assert (record["phase"], record["reason"]) == ("Failed", "NameTaken")
    assert children(store) == []


async def test_who_cancels_the_parent_cancels_no_execution_of_others() -> None:
    store = parent(timeout="1s")  # less than the child's pod takes
    (name,) = take(store, 1)
    raw = await run_to_end(store, healthy(store))
    assert raw["status"]["nodes"]["sub"]["phase"] == "TimedOut"
    foreign = store.objects["workflowexecutions", NAMESPACE, name]
    assert foreign["spec"].get("desiredState", "Running") == "Running"


@pytest.mark.parametrize("gone", [False, True], ids=["stays", "is deleted"])
@pytest.mark.parametrize("writes", range(1, 12))
async def test_a_restart_finds_the_sub_execution_under_its_name(writes: int, gone: bool) -> None:
    store = parent()
    (name,) = take(store, 1)
    await run_to_end(store, Dies(store, writes))
    if gone:
        store.remove(("workflowexecutions", NAMESPACE, name))
    raw = await run_to_end(store, healthy(store, 2))
    assert (raw["status"]["phase"], raw["status"]["outputs"]) == ("Succeeded", {"out": 1})
    assert len(children(store)) == 1


@pytest.mark.parametrize("writes", [None, 6, 9, 12, 15, 20])
async def test_a_fan_out_gathers_nothing_of_others(writes: int | None) -> None:
    each = {"values": "[1, 2, 3]", "as": "it", "gather": ["out"], "parallelism": 2}
    store = parent(forEach=each)
    for index in (0, 2):
        take(store, 2, f"sub[{index}]")
    crash = [Dies(store, writes)] if writes else []
    raw = await run_to_end(store, *crash, healthy(store, 2))
    assert raw["status"]["nodes"]["sub"]["outputs"] == {"out": [1, 1, 1]}
    assert len(children(store)) == 3


FAN = {"values": "[1, 2, 3]", "as": "it", "gather": ["out"], "parallelism": 2}


@pytest.mark.parametrize("writes", [4, 6, 7, 8, 9, 10, 12, 15, 20])
async def test_a_restarted_fan_out_runs_no_item_twice_where_others_are_gone(writes: int) -> None:
    store = parent(forEach=FAN)
    taken = [*take(store, 1, "sub[0]"), *take(store, 2, "sub[2]")]
    await run_to_end(store, Dies(store, writes))
    for name in taken:
        store.remove(("workflowexecutions", NAMESPACE, name))
    raw = await run_to_end(store, healthy(store, 2))
    assert raw["status"]["nodes"]["sub"]["outputs"] == {"out": [1, 1, 1]}
    assert len(children(store)) == 3


class Overtaken(FaultyTransport):
    """Once so many sub-executions exist, one write of the parent's status is refused, and the
    executions of others are gone."""

    def __init__(self, store: Store, count: int, foreign: list[str]) -> None:
        super().__init__(store)
        self._count, self._foreign = count, foreign

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        due = self._foreign and len(children(self.store)) >= self._count
        if due and verb == "patch" and path.endswith("/run/status"):
            for name in self._foreign:
                self.store.remove(("workflowexecutions", NAMESPACE, name))
            self._foreign = []
            raise ApiError(409, "Conflict", "the object has been modified")
        return await super().exchange(verb, path, *rest)


async def test_a_refused_write_creates_no_second_sub_execution() -> None:
    store = parent()
    raw = await run_to_end(store, Overtaken(store, 1, take(store, 1)))
    assert (raw["status"]["phase"], raw["status"]["outputs"]) == ("Succeeded", {"out": 1})
    assert len(children(store)) == 1


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_a_refused_write_of_a_fan_out_runs_no_item_twice(count: int) -> None:
    store = parent(forEach=FAN)
    taken = [*take(store, 1, "sub[0]"), *take(store, 2, "sub[1]"), *take(store, 1, "sub[2]")]
    raw = await run_to_end(store, Overtaken(store, count, taken))
    assert raw["status"]["nodes"]["sub"]["outputs"] == {"out": [1, 1, 1]}
    assert len(children(store)) == 3


async def test_a_cancelled_fan_out_ends_with_the_sub_executions_under_other_names() -> None:
    store = parent(forEach=FAN)
    (name,) = take(store, 1, "sub[0]")
    async with running_operator(store, healthy(store)):
        while len(children(store)) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    store.remove(("workflowexecutions", NAMESPACE, name))
    store.patch(("workflowexecutions", NAMESPACE, "run"), {"spec": {"desiredState": "Cancelled"}})
    await run_to_end(store, healthy(store, 2))
    assert [raw["status"]["phase"] for raw in children(store)] == ["Cancelled", "Cancelled"]


class Lists(FaultyTransport):
    """Counts the lists of one parent's sub-executions."""

    def __init__(self, store: Store, seed: int) -> None:
        super().__init__(store, Faults(), random.Random(seed), 0.01)
        self.count = 0

    async def exchange(self, verb: str, path: str, query: Mapping[str, str], *rest: Any) -> Raw:
        self.count += verb == "list" and PARENT_UID in query.get("labelSelector", "")
        return await super().exchange(verb, path, query, *rest)


@pytest.mark.parametrize(("node", "lists"), [({}, 1), ({"workflow": None, "delay": "9s"}, 0)])
async def test_names_are_recalled_with_one_list_after_a_restart(node: Any, lists: int) -> None:
    store = parent(**node)
    first, second = Lists(store, 1), Lists(store, 2)
    async with running_operator(store, first):
        await asyncio.sleep(1.5)
    await run_to_end(store, second)
    assert (first.count, second.count) == (0, lists)


class DiesOfAConfigMap(FaultyTransport):
    """Does not survive the creation of a fan-out's items, which takes effect."""

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        answer = await super().exchange(verb, path, *rest)
        if verb == "create" and path.endswith("/configmaps"):
            await self.die()
        return answer


@pytest.mark.parametrize("forged", [False, True])
async def test_items_that_others_wrote_under_our_owner_and_label_never_run(forged: bool) -> None:
    each = {"values": "[1, 2, 3]", "as": "it"}
    node = {"name": "each", "action": "local/task", "forEach": each}
    store = store_with(manifest("Workflow", "main", {"nodes": [node]}))
    await run_to_end(store, DiesOfAConfigMap(store))
    (items,) = store.all("configmaps")
    if forged:
        key = ("configmaps", NAMESPACE, items["metadata"]["name"])
        data = dict.fromkeys(items["data"], "forged")
        store.objects[key] = {**items, "data": data}
    record = (await run_to_end(store, healthy(store, 2)))["status"]["nodes"]["each"]
    assert (record["phase"], record.get("reason")) == (
        ("Failed", "NameTaken") if forged else ("Succeeded", None)
    )
    assert len(store.all("jobs")) == (0 if forged else 1)
