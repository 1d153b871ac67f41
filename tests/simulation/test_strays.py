"""What is stopped, because nobody wants it any more, and what is not."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from orchestrator.controller.client import Raw
from tests.simulation.faults import Faults, FaultyTransport
from tests.simulation.playing import TERMINAL, manifest, operating, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store

FAN_OUT = {
    "nodes": [
        {
            "name": "all",
            "action": "local/task",
            "forEach": {"values": "[1, 2, 3]", "as": "it", "parallelism": 2},
        }
    ]
}


async def _ended(store: Store) -> Raw:
    """The execution half a minute after its end."""
    over = asyncio.Event()

    def look(plural: str, _: Raw | None, new: Raw | None) -> None:
        if plural == "workflowexecutions" and new is not None:
            phase: Any = (new.get("status") or {}).get("phase")
            if phase in TERMINAL:
                over.set()

    store.observers.append(look)
    async with operating(store, FaultyTransport(store, Faults(), random.Random(1), 0.01)):
        await over.wait()
        await asyncio.sleep(30.0)
    return store.objects["workflowexecutions", NAMESPACE, "run"]


async def test_the_job_of_a_fan_out_that_succeeded_comes_to_its_own_end() -> None:
    store = store_with(manifest("Workflow", "main", FAN_OUT))
    raw = await _ended(store)
    assert raw["status"]["phase"] == "Succeeded"
    (job,) = store.all("jobs")
    assert {condition["type"] for condition in job["status"]["conditions"]} == {
        "SuccessCriteriaMet",
        "Complete",
    }
    assert job["spec"]["activeDeadlineSeconds"] > 1
    assert "StrayJob" not in {event["reason"] for event in store.all("events")}
