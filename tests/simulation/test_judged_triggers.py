"""A Trigger is judged against its Workflow, whichever of the two comes, changes or goes first."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from orchestrator.controller.operator import RESYNC_INTERVAL
from tests.simulation.faults import Faults, FaultyTransport
from tests.simulation.playing import manifest, operating, store_with, watching
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store

NODES = [{"name": "a", "delay": "1s"}]
SLOT = {"name": "slot", "type": "string", "required": True}


def ready(store: Store) -> tuple[str, str]:
    (trigger,) = store.all("triggers")
    condition = next(each for each in trigger["status"]["conditions"] if each["type"] == "Ready")
    return condition["status"], condition["reason"]


def edited(store: Store, **fields: Any) -> None:
    """Somebody writes another spec of the Workflow."""
    spec: dict[str, Any] = {"nodes": NODES, "state": None, "variables": None, **fields}
    store.patch(("workflows", NAMESPACE, "nightly"), {"spec": spec})


async def test_a_trigger_is_ready_while_its_workflow_takes_what_it_gives() -> None:
    store = store_with(manifest("Workflow", "main", {"nodes": NODES}))
    spec = {
        "workflow": "nightly",
        "schedule": {"cron": "0 0 1 1 *"},
        "variables": {"slot": "$[[ event.scheduledAt ]]"},
    }
    store.create("triggers", NAMESPACE, manifest("Trigger", "t", spec))
    transport = FaultyTransport(store)
    async with operating(store, transport, follow=watching(store)):
        await asyncio.sleep(5)
        assert ready(store) == ("False", "WorkflowNotFound")
        nightly = {"nodes": NODES, "variables": [SLOT]}
        store.create("workflows", NAMESPACE, manifest("Workflow", "nightly", nightly))
        await asyncio.sleep(5)
        assert ready(store) == ("True", "Valid")
        edited(store)
        await asyncio.sleep(5)
        assert ready(store) == ("False", "InvalidVariables")
        edited(store, variables=[SLOT], state="Inactive")
        await asyncio.sleep(5)
        assert ready(store) == ("False", "WorkflowNotActive")
        edited(store, variables=[SLOT])
        await asyncio.sleep(5)
        assert ready(store) == ("True", "Valid")
        store.remove(("workflows", NAMESPACE, "nightly"))
        await asyncio.sleep(5)
        assert ready(store) == ("False", "WorkflowNotFound")


async def test_a_workflow_whose_deletion_nothing_reported_is_gone_at_the_next_resync() -> None:
    """As after a new list by kopf: it reports existing objects, but no deletions."""
    store = store_with(manifest("Workflow", "main", {"nodes": NODES}))
    spec = {"workflow": "nightly", "schedule": {"cron": "0 0 1 1 *"}}
    store.create("triggers", NAMESPACE, manifest("Trigger", "t", spec))
    store.create("workflows", NAMESPACE, manifest("Workflow", "nightly", {"nodes": NODES}))
    async with operating(store, FaultyTransport(store)):  # it lists once, and follows nothing
        await asyncio.sleep(5)
        assert ready(store) == ("True", "Valid")
        store.remove(("workflows", NAMESPACE, "nightly"))
        await asyncio.sleep(5)
        assert ready(store) == ("True", "Valid")
        await asyncio.sleep(RESYNC_INTERVAL)
        assert ready(store) == ("False", "WorkflowNotFound")


async def test_a_restart_writes_nothing_to_a_trigger_that_is_settled() -> None:
    store = store_with(manifest("Workflow", "main", {"nodes": NODES}))
    spec = {"workflow": "main", "schedule": {"cron": "0 0 1 1 *"}}
    store.create("triggers", NAMESPACE, manifest("Trigger", "t", spec))
    versions = []
    for seed in range(3):
        transport = FaultyTransport(store, Faults(), random.Random(seed), 0.01)
        async with operating(store, transport, follow=watching(store)):
            await asyncio.sleep(20)
        (trigger,) = store.all("triggers")
        versions.append(trigger["metadata"]["resourceVersion"])
        assert ready(store) == ("True", "Valid")
    assert versions == versions[:1] * 3
