"""An operator that ends between a creation and what it meant to write about it."""

from __future__ import annotations

import random
from typing import Any

from orchestrator.kube.client import Raw
from tests.simulation.faults import Faults, FaultyTransport
from tests.simulation.operator_harness import manifest, run_to_end, store_with


class _DiesOfAFanOut(FaultyTransport):
    """Does not survive the creation of an Indexed Job, which takes effect."""

    async def exchange(self, verb: str, path: str, query: Any, data: Any, *rest: Any) -> Raw:
        answer = await super().exchange(verb, path, query, data, *rest)
        if verb == "create" and path.endswith("/jobs") and b"Indexed" in data:
            await self.die()
        return answer


async def test_a_fan_out_that_no_status_names_yet_is_waited_for() -> None:
    each = {"values": "[1, 2, 3]", "as": "it", "gather": ["value"]}
    workflow = {
        "nodes": [
            {"name": "first", "action": "local/task"},
            {"name": "each", "action": "local/task", "forEach": each},
        ],
        "edges": [{"from": "first", "to": "each"}],
    }
    store = store_with(manifest("Workflow", "main", workflow))
    after = FaultyTransport(store, Faults(), random.Random(2), 0.01)
    raw = await run_to_end(store, _DiesOfAFanOut(store), after)
    node = raw["status"]["nodes"]["each"]
    assert (node["phase"], node["items"], node["completed"]) == ("Succeeded", 3, "0-2")
    assert node["outputs"] == {"value": [5, 5, 5]}
    assert len(store.all("jobs")) == 2
