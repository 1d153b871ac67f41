"""An execution that was restored from a backup runs nothing, whatever came with it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orchestrator.kube.client import Raw
from tests.simulation.operator_harness import manifest, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store
from tests.simulation.test_reasons import healthy
from tests.simulation.test_refusals import ACTION

OURS = {"automation.itechsmart.dev/restored-from": "6a9f0b1e-0000-4000-8000-00000000dead"}
VELERO = {"velero.io/restore-name": "monday"}
KEY = ("workflowexecutions", NAMESPACE, "old")


def restored(labels: dict[str, str], **status: Any) -> Store:
    """The store of a new cluster, with an execution that a restoration has just created."""
    store = store_with(manifest("Workflow", "main", ACTION))
    raw = manifest("WorkflowExecution", "old", "main")
    raw["metadata"]["labels"] = labels
    store.create("workflowexecutions", NAMESPACE, raw)
    if status:
        store.patch(KEY, {"status": status}, status=True)
    return store


def jobs_of(store: Store, key: tuple[str, str, str]) -> list[Raw]:
    uid = store.objects[key]["metadata"]["uid"]
    return [
        job
        for job in store.all("jobs")
        if job["metadata"]["labels"]["automation.itechsmart.dev/execution-uid"] == uid
    ]


@pytest.mark.parametrize("labels", [OURS, VELERO], ids=["restore", "velero"])
async def test_without_its_status_it_ends_after_a_minute_and_never_runs(
    labels: dict[str, str],
) -> None:
    store = restored(labels)
    async with running_operator(store, healthy(store)):
        await asyncio.sleep(50.0)
        assert not store.objects[KEY].get("status"), "its status may still be written"
        await asyncio.sleep(20.0)
    status = store.objects[KEY]["status"]
    assert (status["phase"], status["reason"]) == ("Cancelled", "Restored")
    assert jobs_of(store, KEY) == []
    assert len(jobs_of(store, ("workflowexecutions", NAMESPACE, "run"))) == 1


async def test_a_status_that_arrives_within_the_minute_stays() -> None:
    store = restored(OURS)
    async with running_operator(store, healthy(store)):
        await asyncio.sleep(20.0)
        ended = {"phase": "Succeeded", "reason": "Completed", "finishedAt": "2026-11-01T00:00:00Z"}
        store.patch(KEY, {"status": ended}, status=True)
        version = store.objects[KEY]["metadata"]["resourceVersion"]
        await asyncio.sleep(100.0)
    assert store.objects[KEY]["status"] == ended
    assert store.objects[KEY]["metadata"]["resourceVersion"] == version
    assert jobs_of(store, KEY) == []


async def test_a_status_that_says_it_runs_does_not_make_it_run() -> None:
    node = {"phase": "Running", "reason": "JobCreated", "attempts": 1, "job": "old-1"}
    store = restored(OURS, phase="Running", revision="main-1", nodes={"only": node})
    async with running_operator(store, healthy(store)):
        await asyncio.sleep(100.0)
    status = store.objects[KEY]["status"]
    assert (status["phase"], status["reason"]) == ("Cancelled", "Restored")
    assert jobs_of(store, KEY) == []


async def test_the_label_that_velero_adds_to_what_exists_ends_nothing() -> None:
    nodes: list[Raw] = [{"name": "only", "delay": "2m"}]
    store = store_with(manifest("Workflow", "main", {"nodes": nodes}))
    key = ("workflowexecutions", NAMESPACE, "run")
    async with running_operator(store, healthy(store)):
        await asyncio.sleep(5.0)
        store.patch(key, {"metadata": {"labels": VELERO}})
        await asyncio.sleep(150.0)
    assert store.objects[key]["status"]["phase"] == "Succeeded"


async def test_no_trigger_starts_because_a_restoration_has_ended_something() -> None:
    store = restored(OURS)
    listens = {"workflow": "main", "execution": {"phases": ["Cancelled"]}}
    store.create("triggers", NAMESPACE, manifest("Trigger", "listens", listens))
    async with running_operator(store, healthy(store)):
        await asyncio.sleep(100.0)
    assert store.objects[KEY]["status"]["reason"] == "Restored"
    assert sorted(raw["metadata"]["name"] for raw in store.all("workflowexecutions")) == [
        "old",
        "run",
    ]
