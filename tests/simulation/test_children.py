"""Sub-executions through the whole operator: what is asked of their parent, and their lateness."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any

from orchestrator.kube.client import ApiError, Raw
from tests.simulation.faults import FaultyTransport
from tests.simulation.kubelet import Kubelet, Outcome
from tests.simulation.operator_harness import manifest, run_to_end, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store

RUN = ("workflowexecutions", NAMESPACE, "run")


def _store(seconds: float, **node: Any) -> Store:
    """`run` has one node, whose sub-execution has two that take so long, one after the other."""
    child = {
        "nodes": [{"name": name, "action": "local/task"} for name in ("first", "then")],
        "edges": [{"from": "first", "to": "then"}],
    }
    parent = {"nodes": [{"name": "sub", "workflow": {"name": "child"}, **node}]}
    store = store_with(manifest("Workflow", "main", parent), manifest("Workflow", "child", child))
    store.observers.clear()
    Kubelet(store, lambda *_: Outcome("success", seconds, 5), random.Random(1))
    return store


class _SlowControl(FaultyTransport):
    """Half a second for a change of a spec, a tenth for what a watch tells of executions."""

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb == "patch" and "/workflowexecutions/" in path and not path.endswith("/status"):
            await asyncio.sleep(0.5)
        return await super().exchange(verb, path, *rest)

    async def stream(self, plural: str, *rest: Any) -> AsyncIterator[bytes]:
        async for line in super().stream(plural, *rest):
            await asyncio.sleep(0.1 * (plural == "workflowexecutions"))
            yield line


async def test_what_is_resumed_while_it_is_being_paused_goes_on_with_its_sub_executions() -> None:
    store = _store(20.0, timeout="2h")
    async with running_operator(store, _SlowControl(store)):
        await asyncio.sleep(5.0)
        store.patch(RUN, {"spec": {"desiredState": "Paused"}})
        await asyncio.sleep(0.5)
        store.patch(RUN, {"spec": {"desiredState": "Running"}})
        await asyncio.sleep(120.0)
    assert store.objects[RUN]["status"]["phase"] == "Succeeded"


async def test_a_sub_execution_that_was_late_is_tried_again_where_that_is_asked_for() -> None:
    retry = {"limit": 1, "reasons": ["TimedOut"]}
    store = _store(600.0, timeout="1m", retry=retry)
    raw = await run_to_end(store, _SlowControl(store))
    record = raw["status"]["nodes"]["sub"]
    assert (record["phase"], record["attempts"]) == ("TimedOut", 2)
    children = [one for one in store.all("workflowexecutions") if one["spec"].get("parent")]
    assert [child["status"]["phase"] for child in children] == ["Cancelled"] * 2


class _Refused(FaultyTransport):
    """A webhook refuses the first sub-execution to this operator; another one creates it later."""

    refused: Raw | None = None

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb == "create" and path.endswith("/workflowexecutions") and self.refused is None:
            self.refused = json.loads(rest[1])
            raise ApiError(403, "Forbidden", "admission webhook denied the request: not today")
        return await super().exchange(verb, path, *rest)


async def test_an_item_that_another_operator_created_after_its_refusal_here_is_stopped() -> None:
    each = {"values": "[1, 2]", "as": "it", "parallelism": 1, "maxFailed": 1}
    store = _store(60.0, forEach=each)
    transport = _Refused(store)
    async with running_operator(store, transport):
        await asyncio.sleep(10.0)
        assert transport.refused is not None
        store.create("workflowexecutions", NAMESPACE, transport.refused)
        await asyncio.sleep(30.0)
        name = transport.refused["metadata"]["name"]
        assert (
            store.objects["workflowexecutions", NAMESPACE, name]["status"]["phase"] == "Cancelled"
        )
        assert store.objects[RUN]["status"]["phase"] == "Running"
    assert [event["reason"] for event in store.all("events")].count("StraySubExecution") == 1


class _Creations(FaultyTransport):
    """Keeps the manifests of the sub-executions that the operator creates."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.children: list[Raw] = []

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb == "create" and path.endswith("/workflowexecutions"):
            self.children.append(json.loads(rest[1]))
        return await super().exchange(verb, path, *rest)


async def test_what_another_operator_creates_after_the_end_of_its_parent_is_stopped() -> None:
    store = _store(60.0, timeout="10s")
    transport = _Creations(store)
    async with running_operator(store, transport):
        await asyncio.sleep(30.0)
        assert store.objects[RUN]["status"]["phase"] == "Failed"
        (late,) = transport.children
        late["metadata"]["name"] = "late"
        store.create("workflowexecutions", NAMESPACE, late)
        await asyncio.sleep(10.0)
    assert store.objects["workflowexecutions", NAMESPACE, "late"]["status"]["phase"] == "Cancelled"
    (event,) = (raw for raw in store.all("events") if raw["reason"] == "StraySubExecution")
    assert event["message"] == "stopped sub-execution late: the execution has ended"
