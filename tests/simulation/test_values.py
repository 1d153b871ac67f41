"""A null is a value like any other: it stays wherever a value can be, through restarts too."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from orchestrator.engine.observed import AttemptState
from orchestrator.engine.status.conditions import condition
from orchestrator.engine.status.execution_status import ending_patch
from orchestrator.kube.client import Raw
from orchestrator.models.plain_text import HIDDEN
from tests.builders import action, edge, graph
from tests.simulation.faults import Faults, FaultyTransport
from tests.simulation.operator_harness import manifest, run_to_end, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.scripts import scripted
from tests.simulation.store import Store
from tests.simulation.world import Result, World

NULLS: dict[str, Any] = {"null": None, "deep": {"null": None, "list": [None, {"null": None}, 0]}}
CHILD = {
    "variables": [{"name": "given", "type": "object", "default": {"no": 1}}],
    "nodes": [{"name": "copy", "transform": {"given": "vars.given", "alone": "none"}}],
    "outputs": [
        {"name": "given", "value": "nodes.copy.outputs.given"},
        {"name": "alone", "value": "nodes.copy.outputs.alone"},
        {"name": "is_null", "value": "vars.given.null is none"},
    ],
}
MAIN = {
    "variables": [{"name": "kept", "type": "object", "default": NULLS}],
    "nodes": [
        {"name": "copy", "transform": {"kept": "vars.kept", "alone": "none", "last": "1"}},
        {
            "name": "sub",
            "workflow": {"name": "child", "variables": {"given": "$[[ nodes.copy.outputs.kept ]]"}},
        },
        {"name": "task", "action": "local/task"},
        {"name": "last", "transform": {"kept": "nodes.sub.outputs.given"}},
    ],
    "edges": [
        {"from": "copy", "to": "sub"},
        {"from": "sub", "to": "task"},
        {"from": "task", "to": "last"},
    ],
    "outputs": [
        {"name": "kept", "value": "nodes.sub.outputs.given"},
        {"name": "alone", "value": "nodes.sub.outputs.alone"},
        {"name": "is_null", "value": "nodes.sub.outputs.is_null"},
        {"name": "again", "value": "nodes.last.outputs.kept"},
        {"name": "fallback", "value": "[vars.kept.null|default('x', true), vars.kept.null]"},
    ],
}
OUTPUTS = {
    "kept": NULLS,
    "alone": None,
    "is_null": True,
    "again": NULLS,
    "fallback": ["x", None],
}


def store_of_nulls() -> Store:
    return store_with(manifest("Workflow", "main", MAIN), manifest("Workflow", "child", CHILD))


def check(raw: Raw, store: Store) -> None:
    """Every null is where it was."""
    status = raw["status"]
    assert status["phase"] == "Succeeded", status
    assert status["outputs"] == OUTPUTS
    assert status["variables"] == {"kept": NULLS}
    assert status["nodes"]["copy"]["outputs"] == {"kept": NULLS, "alone": None, "last": 1}
    assert status["nodes"]["last"]["outputs"] == {"kept": NULLS}
    assert "active" not in status
    (child,) = (item for item in store.all("workflowexecutions") if item["spec"].get("parent"))
    assert child["spec"]["variables"] == {"given": NULLS}
    assert child["status"]["variables"] == {"given": NULLS}


async def test_nulls_stay_wherever_a_value_can_be() -> None:
    store = store_of_nulls()
    raw = await run_to_end(store, FaultyTransport(store))
    check(raw, store)


async def test_a_re_run_takes_nulls_over() -> None:
    store = store_of_nulls()
    await run_to_end(store, FaultyTransport(store))
    spec = {"workflow": "main", "rerunOf": {"name": "run", "from": ["last"]}}
    store.create("workflowexecutions", NAMESPACE, manifest("WorkflowExecution", "again", spec))
    async with running_operator(store, FaultyTransport(store)):
        key = "workflowexecutions", NAMESPACE, "again"
        async with asyncio.timeout(60):
            while "finishedAt" not in (store.objects[key].get("status") or {}):  # noqa: ASYNC110 (virtual time)
                await asyncio.sleep(0.1)
    check(store.objects[key], store)


@pytest.mark.parametrize("write", range(1, 12))
async def test_nulls_stay_when_the_operator_ends_around_a_write(write: int) -> None:
    store = store_of_nulls()
    first = FaultyTransport(store, Faults(), random.Random(write), 0.01)
    first.crash_at = (write, bool(write % 2))
    second = FaultyTransport(store, Faults(), random.Random(write), 0.01)
    check(await run_to_end(store, first, second), store)


def test_messages_hold_no_hidden_characters_and_outputs_keep_theirs() -> None:
    hidden = "\x1b]0;OWNED\x07\x1b[2J\x9b\u202eok\n\tnext"
    compiled = graph(
        action("a"),
        action("b"),
        {"name": "seen", "transform": {"message": "nodes.a.message", "same": "nodes.b.outputs"}},
        edges=[edge("a", "seen", "Always"), edge("b", "seen")],
    )
    failure = Result(AttemptState.FAILED, message=hidden)
    shown = Result(outputs={"value": hidden})
    for forgetful in (True, False):
        world = World(compiled, scripted(a=failure, b=shown), forgetful=forgetful).play()
        plain = world.run.records["a"].message
        assert not HIDDEN.search(plain)
        assert plain.endswith("ok\n\tnext")
        assert world.run.records["seen"].outputs == {"message": plain, "same": {"value": hidden}}
        assert world.ending is not None
        assert not HIDDEN.search(ending_patch(world.ending, 0.0)["message"])
    said = condition("Ready", False, "Failed", hidden, 1, 0.0)
    assert not HIDDEN.search(said["message"])
