"""Concurrency through the whole operator: limits that come and go, policies, and who waits."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from orchestrator.kube.client import Raw
from tests.simulation.faults import Faults, FaultyTransport
from tests.simulation.kubelet import Kubelet, Outcome
from tests.simulation.operator_harness import manifest, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store

ONE = {"nodes": [{"name": "only", "action": "local/task"}]}
WORKFLOW = ("workflows", NAMESPACE, "main")


class _Transport(FaultyTransport):
    def __init__(self, store: Store, seed: int = 1) -> None:
        super().__init__(store, Faults(), random.Random(seed), 0.01)


def _take(store: Store, **seconds: float) -> None:
    """Pods of these executions take that long, all others two seconds."""
    store.observers.clear()
    Kubelet(
        store,
        lambda name, *_: Outcome("success", seconds.get(name, 2.0), 5),
        random.Random(1),
    )


def _start(store: Store, name: str, workflow: str = "main") -> None:
    store.create("workflowexecutions", NAMESPACE, manifest("WorkflowExecution", name, workflow))


def _phases(store: Store, *names: str) -> list[str]:
    raws = [store.objects["workflowexecutions", NAMESPACE, name] for name in names]
    return [(raw.get("status") or {}).get("phase", "") for raw in raws]


def _limited(name: str, **concurrency: Any) -> Raw:
    return manifest("Workflow", name, {**ONE, "concurrency": concurrency})


def _lift(store: Store) -> None:
    """Take the limit of `main` away."""
    store.replace(WORKFLOW, {**store.objects[WORKFLOW], "spec": ONE})


@pytest.mark.parametrize("seed", range(5))
async def test_forbid_cancels_what_is_over_the_limit_and_nothing_below_it(seed: int) -> None:
    store = store_with(_limited("main", limit=5, policy="Forbid"))
    _take(store)
    names = ["run", *(f"more-{number}" for number in range(6))]
    for name in names[1:]:
        _start(store, name)
    async with running_operator(store, _Transport(store, seed)):
        await asyncio.sleep(30)
        assert sorted(_phases(store, *names)) == ["Cancelled"] * 2 + ["Succeeded"] * 5


async def test_an_execution_that_needs_no_slot_any_more_blocks_no_other() -> None:
    group = {"limit": 1, "group": "g"}
    store = store_with(_limited("main", **group), _limited("other", **group))
    _take(store, run=20.0, first=3000.0)
    async with running_operator(store, _Transport(store)):
        await asyncio.sleep(2)
        _start(store, "first")
        await asyncio.sleep(2)
        _start(store, "second", "other")
        await asyncio.sleep(2)
        assert _phases(store, "run", "first", "second") == ["Running", "Queued", "Queued"]
        _lift(store)
        await asyncio.sleep(60)
        assert _phases(store, "run", "first", "second") == ["Succeeded", "Running", "Succeeded"]


async def test_after_a_start_no_execution_waits_for_one_that_needs_no_slot_any_more() -> None:
    store = store_with(_limited("main", limit=1), _limited("other", limit=3))
    _take(store, run=20.0, first=3000.0)
    async with running_operator(store, _Transport(store)):
        await asyncio.sleep(2)
        _start(store, "first")
        await asyncio.sleep(2)
        assert _phases(store, "run", "first") == ["Running", "Queued"]
    _lift(store)
    _start(store, "second", "other")
    async with running_operator(store, _SlowToAdmit(store)):
        await asyncio.sleep(60)
        assert _phases(store, "first", "second") == ["Running", "Succeeded"]


class _SlowToAdmit(_Transport):
    """The status of one execution takes a while, so that others are looked at meanwhile."""

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb == "patch" and path.endswith("/first/status"):
            await asyncio.sleep(0.3)
        return await super().exchange(verb, path, *rest)


class _Refusing(_Transport):
    """One execution's Workflow cannot be read."""

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb == "get" and path.endswith("/workflows/main"):
            raise TimeoutError
        return await super().exchange(verb, path, *rest)


async def test_after_a_start_one_that_cannot_be_looked_at_is_waited_for_only_so_long() -> None:
    store = store_with(_limited("main", limit=1), _limited("other", limit=3))
    _take(store, run=3000.0)
    async with running_operator(store, _Transport(store)):
        await asyncio.sleep(2)
        _start(store, "first")
        await asyncio.sleep(2)
        assert _phases(store, "run", "first") == ["Running", "Queued"]
    _start(store, "second", "other")
    async with running_operator(store, _Refusing(store)):
        await asyncio.sleep(10)
        assert _phases(store, "second") == [""] or _phases(store, "second") == ["Queued"]
        await asyncio.sleep(60)
        assert _phases(store, "second") == ["Succeeded"]
