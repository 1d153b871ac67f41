"""Many executions of one large workflow: what they share is worked out once for all of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from orchestrator.dispatch.compute import Inline
from orchestrator.process.queue import worker_released
from orchestrator.validation.size import LARGE
from tests.simulation.faults import FaultyTransport
from tests.simulation.operator_harness import manifest, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store

Result = TypeVar("Result")

EXECUTIONS = 20
LARGE_SPEC = {
    "nodes": [
        {"name": "first", "delay": "1h"},
        *({"name": f"n{number}", "delay": "1s"} for number in range(LARGE)),
    ],
    "edges": [{"from": "first", "to": f"n{number}"} for number in range(LARGE)],
}
PARENT_SPEC = {"nodes": [{"name": "sub", "workflow": {"name": "large"}}]}


class Elsewhere(Inline):
    """Takes a second of virtual time for long work, and counts it by what is done."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()

    async def run(self, work: Callable[[], Result], *, long: bool = False) -> Result:
        if long:
            self.done[getattr(work, "func", work).__name__] += 1
            with worker_released():
                await asyncio.sleep(1.0)
        return work()


def transport(store: Store) -> FaultyTransport:
    return FaultyTransport(store)


def executions(store: Store) -> list[Any]:
    return [raw for key, raw in store.objects.items() if key[0] == "workflowexecutions"]


def running(store: Store, workflow: str) -> int:
    return sum(
        raw["spec"]["workflow"] == workflow and (raw.get("status") or {}).get("phase") == "Running"
        for raw in executions(store)
    )


async def test_a_large_workflow_is_prepared_once_for_all_who_start_at_once_or_go_on() -> None:
    store = store_with(manifest("Workflow", "main", LARGE_SPEC))
    for number in range(EXECUTIONS - 1):
        store.create(
            "workflowexecutions", NAMESPACE, manifest("WorkflowExecution", f"r{number}", "main")
        )
    first = Elsewhere()
    async with running_operator(store, transport(store), first):
        await asyncio.sleep(120)
        assert running(store, "main") == EXECUTIONS
    assert (first.done["prepare"], first.done["thaw"]) == (1, 1)

    restarted = Elsewhere()
    async with running_operator(store, transport(store), restarted):
        await asyncio.sleep(4000)
    assert {raw["status"]["phase"] for raw in executions(store)} == {"Succeeded"}
    assert (restarted.done["prepare"], restarted.done["thaw"]) == (0, 1)


async def test_a_large_sub_workflow_is_prepared_once_for_all_its_parents() -> None:
    store = store_with(
        manifest("Workflow", "main", PARENT_SPEC), manifest("Workflow", "large", LARGE_SPEC)
    )
    for number in range(9):
        store.create(
            "workflowexecutions", NAMESPACE, manifest("WorkflowExecution", f"r{number}", "main")
        )
    offload = Elsewhere()
    async with running_operator(store, transport(store), offload):
        await asyncio.sleep(120)
        assert running(store, "large") == 10
    assert (offload.done["prepare_child"], offload.done["verify"]) == (1, 1)
