"""Reasons that are soon gone, or that only the deeds of others lead to."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.engine.advance import advance
from orchestrator.engine.lifecycle import revision
from orchestrator.engine.status.records import Run
from orchestrator.kube.client import Raw
from tests.builders import action, graph
from tests.simulation.faults import FaultyTransport
from tests.simulation.kubelet import Outcome
from tests.simulation.operator_harness import manifest, run_to_end, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store
from tests.simulation.test_refusals import ACTION, CHILD, Webhook
from tests.simulation.world import START, Result, World

RUN = ("workflowexecutions", NAMESPACE, "run")
REPEATED = action(
    "node", repeat={"until": "nodes.node.outputs.value > 1", "limit": 3, "delay": "10s"}
)


def healthy(store: Store) -> FaultyTransport:
    return FaultyTransport(store)


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ({"name": "node", "delay": "10s"}, "Delayed"),
        ({"name": "node", "wait": {"until": "now > '2023-11-14T22:13:30Z'"}}, "AwaitingCondition"),
        ({"name": "node", "wait": {"signal": "go"}}, "AwaitingSignal"),
        (REPEATED, "Repeating"),
    ],
)
def test_a_node_says_what_it_waits_for(node: Raw, reason: str) -> None:
    results = [Result(outputs={"value": 1}), Result(outputs={"value": 2})]
    world = World(graph(node), lambda _, attempt: results[attempt - 1])
    world.signal("go", "one", at=8)
    seen: list[str] = []
    world.at.append((START + 5, lambda now: seen.append(now.reason("node"))))
    world.play()
    assert seen == [reason]
    assert world.phase("node") == "Succeeded"


def test_a_node_says_that_its_job_is_being_created() -> None:
    run = Run("run", "default", "uid", "flow", started_at=START, variables={})
    decided = advance(graph(action("node")), run, {}, START, scan=True)
    assert decided.records["node"].reason == "Starting"


async def test_a_sub_execution_that_a_webhook_refuses_fails_its_node_with_its_words() -> None:
    store = store_with(manifest("Workflow", "main", CHILD), manifest("Workflow", "child", ACTION))
    raw = await run_to_end(store, Webhook(store, "workflowexecutions", 422, made=False))
    node = raw["status"]["nodes"]["only"]
    assert (raw["status"]["phase"], node["reason"]) == ("Failed", "SubWorkflowRefused")
    assert "webhook denied" in node["message"]


async def test_a_sub_execution_whose_parent_is_gone_runs_nothing() -> None:
    store = store_with(manifest("Workflow", "main", ACTION))
    parent = {
        "name": "gone",
        "uid": "6a9f0b1e-0000-4000-8000-00000000dead",
        "node": "n",
        "depth": 1,
    }
    orphan = {"workflow": "main", "parent": parent}
    store.create("workflowexecutions", NAMESPACE, manifest("WorkflowExecution", "orphan", orphan))
    async with running_operator(store, healthy(store)):
        await asyncio.sleep(10.0)
    status = store.objects["workflowexecutions", NAMESPACE, "orphan"]["status"]
    assert (status["phase"], status["reason"]) == ("Cancelled", "ParentGone")
    assert "nodes" not in status


async def test_an_execution_whose_revision_was_deleted_ends_when_the_operator_restarts() -> None:
    store = store_with(manifest("Workflow", "main", {"nodes": [{"name": "node", "delay": "1h"}]}))
    async with running_operator(store, healthy(store)):
        await asyncio.sleep(5.0)
    (lost,) = store.all("controllerrevisions")
    store.remove(("controllerrevisions", NAMESPACE, lost["metadata"]["name"]))
    raw = await run_to_end(store, healthy(store))
    assert (raw["status"]["phase"], raw["status"]["reason"]) == ("Failed", "RevisionLost")
    assert lost["metadata"]["name"] in raw["status"]["message"]


async def test_an_execution_that_a_newer_version_admitted_ends_and_says_so() -> None:
    """After a downgrade, if its workflow uses what this version does not know."""
    store = store_with(manifest("Workflow", "main", {"nodes": [{"name": "node", "delay": "1h"}]}))
    async with running_operator(store, healthy(store)):
        await asyncio.sleep(5.0)
    (raw,) = store.all("controllerrevisions")
    data = raw["data"] | {"workflow": raw["data"]["workflow"] | {"quarantine": True}}
    name = revision._name("main", revision._canonical(data))
    newer = {**raw, "metadata": {"name": name, "labels": raw["metadata"]["labels"]}, "data": data}
    store.create("controllerrevisions", NAMESPACE, newer)
    store.patch(RUN, {"status": {"revision": name}}, status=True)
    status = (await run_to_end(store, healthy(store)))["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "OtherVersion")
    assert "quarantine" in status["message"]


async def test_events_report_how_each_node_and_the_execution_ended() -> None:
    retry = {"limit": 1, "reasons": ["Failed"], "backoff": {"initial": "1s"}}
    nodes: list[Raw] = [
        {"name": "good", "action": "local/task"},
        {"name": "bad", "action": "local/task", "retry": retry, "allowFailure": True},
        {"name": "late", "wait": {"signal": "go"}, "timeout": "2s", "allowFailure": True},
        {"name": "left_out", "delay": "1s", "when": "1 > 2"},
        {"name": "cancelled", "delay": "1h"},
    ]
    store = store_with(
        manifest("Workflow", "main", {"nodes": nodes}),
        script=lambda _, node, *__: Outcome("failure" if node == "bad" else "success", 1.0, 5),
    )
    async with running_operator(store, healthy(store)):
        await asyncio.sleep(20.0)
        store.patch(RUN, {"spec": {"desiredState": "Cancelled"}})
        await asyncio.sleep(20.0)
    events = {(event["type"], event["reason"]) for event in store.all("events")}
    assert events == {
        ("Normal", "Admitted"),
        ("Normal", "NodeSucceeded"),
        ("Warning", "NodeRetry"),
        ("Warning", "NodeFailed"),
        ("Warning", "NodeTimedOut"),
        ("Normal", "NodeSkipped"),
        ("Normal", "NodeCancelled"),
        ("Warning", "Cancelled"),
    }
