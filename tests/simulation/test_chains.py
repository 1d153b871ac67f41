"""Chains of triggers: cut after five executions, and after a hundred that descend from one."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

from orchestrator.actions.cluster import _chain
from orchestrator.engine.times import to_rfc3339
from tests.simulation.changes import (
    WORKFLOW,
    eventually,
    fired,
    made,
    rollout,
    status,
    store_of,
    transport_of,
)
from tests.simulation.operator_harness import manifest, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store
from tests.simulation.views import Raw

LIMIT = {"limit": 10_000, "period": "1s"}


def four_triggers() -> Store:
    """Each starts the workflow whose executions it follows."""
    store = store_with(manifest("Workflow", "main", {"nodes": WORKFLOW["nodes"]}))
    for number in range(4):
        spec = {"workflow": "main", "execution": {"workflow": "main"}, "rateLimit": LIMIT}
        store.create("triggers", NAMESPACE, manifest("Trigger", f"t-{number}", spec))
    return store


@pytest.mark.parametrize("restart", [False, True])
async def test_one_execution_multiplies_to_a_hundred_at_most(*, restart: bool) -> None:
    store = four_triggers()
    root = store.objects["workflowexecutions", NAMESPACE, "run"]["metadata"]["uid"]
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(0.7 if restart else 300)
    if restart:
        async with running_operator(store, transport_of(store)):
            await asyncio.sleep(300)
    assert len(made(store)) == 100
    assert {raw["spec"]["trigger"]["root"] for raw in made(store)} == {root}
    failed = [status(store, f"t-{number}") for number in range(4)]
    assert sum(each["counts"]["failed"] for each in failed) > 0
    said = {each["lastError"]["message"] for each in failed if "lastError" in each}
    assert any(f"because of the one with uid {root}" in each for each in said)


async def test_other_executions_begin_chains_of_their_own() -> None:
    store = four_triggers()
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(120)
        store.create("workflowexecutions", NAMESPACE, manifest("WorkflowExecution", "b", "main"))
        await asyncio.sleep(120)
        roots = Counter(raw["spec"]["trigger"]["root"] for raw in made(store))
        assert sorted(roots.values()) == [100, 100]


def by_action(store: Store, execution: Raw) -> dict[str, str]:
    """The annotations of what an action of this execution writes, by its CONTEXT."""
    trigger = execution["spec"].get("trigger") or {}
    parts = {"uid": execution["metadata"]["uid"]}
    if trigger.get("root"):
        parts["chain"] = f"{trigger['depth']}/{trigger['root']}"
    (key, value), *_ = _chain({"CONTEXT": json.dumps(parts)})().items()
    depth, root, _ = value.split("/")
    return {key: f"{depth}/{root}/{to_rfc3339(store.clock())}"}


async def test_a_loop_through_what_actions_write_is_cut() -> None:
    """Each execution rolls out the Deployment whose rollouts start it."""
    store = store_of(deployment={"outcomes": ["Finished"]})
    known: set[str] = set()
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        rollout(store, 1)
        for _ in range(60):
            await asyncio.sleep(2)
            for raw in made(store):
                if raw["metadata"]["uid"] in known:
                    continue
                known.add(raw["metadata"]["uid"])
                rollout(store, len(known) + 1, annotations=by_action(store, raw))
    depths = sorted(raw["spec"]["trigger"]["depth"] for raw in made(store))
    assert depths == [0, 1, 2, 3, 4, 5]
    assert "a chain of triggers is cut after 5 executions" in status(store)["lastError"]["message"]


async def test_an_event_for_a_workflow_that_nothing_may_start_makes_no_execution() -> None:
    store = store_of(deployment={"outcomes": ["Finished"]})
    key = ("workflows", NAMESPACE, "main")
    store.patch(key, {"spec": {"state": "Inactive"}})
    async with running_operator(store, transport_of(store)):
        await asyncio.sleep(2)
        rollout(store, 1)
        await eventually(lambda: status(store).get("counts") == {"received": 1, "failed": 1})
        assert made(store) == []
        assert status(store)["lastError"]["message"] == (
            "Workflow main: the Workflow's state is Inactive: nothing starts it"
        )
        # As the operator knows it a moment before it judges the Trigger again.
        store.patch(key, {"spec": {"state": "Active"}})
        rollout(store, 2)
        await eventually(lambda: fired(store) == Counter({"2": 1}))


def test_an_action_that_is_run_by_hand_continues_no_chain() -> None:
    assert dict(_chain({})()) == {}
    assert dict(_chain({"CONTEXT": "{"})()) == {}
    (value,) = _chain({"CONTEXT": '{"uid": "u-1"}'})().values()
    assert value.startswith("0/u-1/")
