"""A Trigger is judged against its Workflow, whichever of the two comes, changes or goes first."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from orchestrator.controller.operator import RESYNC_INTERVAL
from tests.simulation.faults import Faults, FaultyTransport
from tests.simulation.operator_harness import follow_changes, manifest, running_operator, store_with
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
    async with running_operator(store, transport, follow=follow_changes(store)):
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
    async with running_operator(
        store, FaultyTransport(store)
    ):  # it lists once, and follows nothing
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
        async with running_operator(store, transport, follow=follow_changes(store)):
            await asyncio.sleep(20)
        (trigger,) = store.all("triggers")
        versions.append(trigger["metadata"]["resourceVersion"])
        assert ready(store) == ("True", "Valid")
    assert versions == versions[:1] * 3


async def test_the_receivers_condition_is_part_of_ready_and_kept() -> None:
    store = store_with(manifest("Workflow", "main", {"nodes": NODES}))
    token = [{"name": "hooks", "key": "token"}]
    spec = {"workflow": "nightly", "webhook": {"bearer": {"secrets": token}}}
    store.create("triggers", NAMESPACE, manifest("Trigger", "t", spec))
    store.create("workflows", NAMESPACE, manifest("Workflow", "nightly", {"nodes": NODES}))
    key = ("triggers", NAMESPACE, "t")

    def says(status: str, reason: str, generation: int) -> None:
        own = {"type": "Receiving", "status": status, "reason": reason, "message": reason}
        kept = [
            each
            for each in store.objects[key].get("status", {}).get("conditions", ())
            if each["type"] != "Receiving"
        ]
        conditions = [*kept, {**own, "observedGeneration": generation}]
        store.patch(key, {"status": {"conditions": conditions}}, status=True)

    async with running_operator(store, FaultyTransport(store), follow=follow_changes(store)):
        await asyncio.sleep(5)
        assert ready(store) == ("False", "NotReceived")
        says("False", "SecretForbidden", 1)
        await asyncio.sleep(5)
        assert ready(store) == ("False", "SecretForbidden")
        says("True", "Received", 1)
        await asyncio.sleep(5)
        assert ready(store) == ("True", "Valid")
        types = [each["type"] for each in store.objects[key]["status"]["conditions"]]
        assert types == ["Ready", "Reconciling", "Stalled", "Receiving"]
        # A change is not received until the receiver says so of the new generation.
        store.patch(key, {"spec": {"filter": "true"}})
        await asyncio.sleep(5)
        assert ready(store) == ("False", "NotReceived")


@pytest.mark.parametrize(
    "listens",
    [
        {"fileWatch": {"s3": {"bucket": "incoming", "credentials": {"name": "s3"}}}},
        {"email": {"host": "imap.example.com", "credentials": {"name": "mail"}}},
        {"webhook": {"github": {"secrets": [{"name": "hooks", "key": "secret"}]}}},
    ],
    ids=lambda listens: next(iter(listens)),
)
async def test_the_position_of_the_receiver_is_left_as_it_is(listens: dict[str, Any]) -> None:
    """Also after an edit and a restart: otherwise what has appeared since would look old."""
    position = "0a1b2c3d/1764480301/17"
    store = store_with(manifest("Workflow", "main", {"nodes": NODES}))
    raw = manifest("Trigger", "t", {"workflow": "main", **listens})
    store.create("triggers", NAMESPACE, raw)
    key = ("triggers", NAMESPACE, "t")
    store.objects[key]["status"] = {"mark": position}
    for _ in range(2):
        async with running_operator(store, FaultyTransport(store), follow=follow_changes(store)):
            await asyncio.sleep(5)
            store.patch(key, {"spec": {"filter": "true"}})
            await asyncio.sleep(RESYNC_INTERVAL + 5)
            assert ready(store) == ("False", "NotReceived")  # no receiver runs
            assert store.objects[key]["status"]["mark"] == position
