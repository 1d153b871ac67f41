"""Passes leave no cycles behind, which only a collection of all objects would remove: one pauses
the whole process, and is therefore seldom."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from tests.simulation.faults import Faults, FaultyTransport
from tests.simulation.operator_harness import manifest, running_operator, store_with
from tests.simulation.scenario import NAMESPACE

EXECUTIONS = 20
FAULTS = {"none": Faults(), "many": Faults(lost=0.1, busy=0.1, conflict=0.2, cut=0.1)}
CHAIN = {
    "nodes": [{"name": f"n{number}", "action": "local/task"} for number in range(5)],
    "edges": [{"from": f"n{number}", "to": f"n{number + 1}"} for number in range(4)],
}


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Without automatic collections."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("faults", FAULTS)
async def test_executions_leave_no_cycles_whatever_fails(faults: str) -> None:
    store = store_with(manifest("Workflow", "main", CHAIN))
    for number in range(1, EXECUTIONS):
        execution = manifest("WorkflowExecution", f"r{number}", "main")
        store.create("workflowexecutions", NAMESPACE, execution)
    async with running_operator(store, FaultyTransport(store, FAULTS[faults])):
        gc.collect()
        await asyncio.sleep(600)
        phases = {raw["status"]["phase"] for raw in store.all("workflowexecutions")}
        assert phases == {"Succeeded"}
        assert gc.collect() < EXECUTIONS
