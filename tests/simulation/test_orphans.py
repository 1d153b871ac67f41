"""Which orphans are stopped, and which Jobs are not."""

from __future__ import annotations

import asyncio
import copy
import random
from typing import Any

import aiohttp
import pytest

from orchestrator.kube.client import ApiError, Raw
from orchestrator.models.labels import ATTEMPT, EXECUTION_UID, NODE
from tests.simulation.faults import FaultyTransport
from tests.simulation.kubelet import Kubelet, Outcome
from tests.simulation.operator_harness import TERMINAL, manifest, running_operator, store_with
from tests.simulation.pods import JOB_NAME, work_of
from tests.simulation.scenario import NAMESPACE
from tests.simulation.store import Store

RUN = ("workflowexecutions", NAMESPACE, "run")
FAN_OUT = {
    "nodes": [
        {
            "name": "all",
            "action": "local/task",
            "forEach": {"values": "[1, 2, 3]", "as": "it", "parallelism": 2},
        }
    ]
}
TWO = {
    "nodes": [{"name": "only", "action": "local/task"}, {"name": "sum", "transform": {"x": "1"}}]
}
LONG: dict[str, Any] = {
    "nodes": [
        {"name": name, "action": "local/task", "timeout": "1h"}
        for name in ("first", "next", "last")
    ],
    "edges": [{"from": "first", "to": "next"}],
    "finally": ["last"],
}


def _working_for(store: Store, **seconds: float) -> None:
    """Pods of these nodes work that long, all others two seconds."""
    store.observers.clear()
    Kubelet(
        store,
        lambda _, node, *__: Outcome("success", seconds.get(node, 2.0), 5),
        random.Random(1),
    )


def _phases(store: Store, node: str) -> list[str]:
    """The phases of a node's pods."""
    return [pod["status"]["phase"] for pod in store.all("pods") if work_of(pod)[1] == node]


async def _until_ended(store: Store) -> Raw:
    over = asyncio.Event()

    def observe(plural: str, _: Raw | None, new: Raw | None) -> None:
        if plural == "workflowexecutions" and new is not None:
            phase: Any = (new.get("status") or {}).get("phase")
            if phase in TERMINAL:
                over.set()

    store.observers.append(observe)
    await over.wait()
    await asyncio.sleep(10.0)
    return store.objects[RUN]


async def test_the_job_of_a_fan_out_that_succeeded_comes_to_its_own_end() -> None:
    store = store_with(manifest("Workflow", "main", FAN_OUT))
    async with running_operator(store, FaultyTransport(store)):
        raw = await _until_ended(store)
    assert raw["status"]["phase"] == "Succeeded"
    (job,) = store.all("jobs")
    assert {condition["type"] for condition in job["status"]["conditions"]} == {
        "SuccessCriteriaMet",
        "Complete",
    }
    assert job["spec"]["activeDeadlineSeconds"] > 1
    assert "StrayJob" not in {event["reason"] for event in store.all("events")}


class _Dies(FaultyTransport):
    """Its operator is killed at its first write of the status after a Job of `next` was made."""

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb == "patch" and path.endswith("/run/status"):
            jobs = self.store.all("jobs")
            if any(job["metadata"]["annotations"][NODE] == "next" for job in jobs):
                await self.die()
        return await super().exchange(verb, path, *rest)


async def test_an_unrecorded_attempt_before_a_cancel_is_stopped_after_it() -> None:
    store = store_with(manifest("Workflow", "main", LONG))
    _working_for(store, next=300.0, last=60.0)
    dies = _Dies(store)
    async with running_operator(store, dies):
        await dies.crashed.wait()
    await asyncio.sleep(2.0)
    assert _phases(store, "next") == ["Running"]
    assert "next" not in store.objects[RUN]["status"]["nodes"]
    store.patch(RUN, {"spec": {"desiredState": "Cancelled"}})
    async with running_operator(store, FaultyTransport(store)):
        await asyncio.sleep(30.0)
        assert _phases(store, "last") == ["Running"]
        assert _phases(store, "next") == ["Failed"]


class _AwayForPods(FaultyTransport):
    """Lists of a Job's pods get no answer for a while."""

    left = 0

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb == "list" and path.endswith("/pods") and "job-name" in str(rest[0]) and self.left:
            self.left -= 1
            raise aiohttp.ServerDisconnectedError("no server is there")
        return await super().exchange(verb, path, *rest)


@pytest.mark.parametrize(("node", "attempt"), [("only", "2"), ("sum", "1")])
@pytest.mark.parametrize("away", [0, 5])
async def test_what_begins_after_the_end_is_stopped_however_often_it_takes(
    node: str, attempt: str, away: int
) -> None:
    store = store_with(manifest("Workflow", "main", TWO))
    transport = _AwayForPods(store)
    async with running_operator(store, transport):
        await _until_ended(store)
        (job,) = store.all("jobs")
        late = copy.deepcopy(job)
        late["metadata"]["name"] = "late"
        late["spec"]["activeDeadlineSeconds"] = 7200
        del late["status"]
        late["metadata"]["annotations"] |= {NODE: node, ATTEMPT: attempt}
        _working_for(store, only=500.0, sum=500.0)
        transport.left = away
        store.create("jobs", NAMESPACE, late)
        await asyncio.sleep(60.0)
    (made,) = [job for job in store.all("jobs") if job["metadata"]["name"] == "late"]
    phases = [
        pod["status"]["phase"]
        for pod in store.all("pods")
        if pod["metadata"]["labels"][JOB_NAME] == "late"
    ]
    assert made["spec"]["activeDeadlineSeconds"] == 1 or "Failed" in phases
    assert "StrayJob" in {event["reason"] for event in store.all("events")}


async def test_a_label_in_another_namespace_stops_nothing_in_this_one() -> None:
    store = store_with(manifest("Workflow", "main", {"nodes": LONG["nodes"][:1]}))
    _working_for(store, first=600.0)
    async with running_operator(store, FaultyTransport(store)):
        await asyncio.sleep(5.0)
        (job,) = store.all("jobs")
        others = copy.deepcopy(job)
        others["metadata"] = {"name": "migration"}
        others["spec"]["template"]["metadata"]["labels"] = {}
        del others["status"]
        store.create("jobs", NAMESPACE, others)
        claims = copy.deepcopy(others)
        claims["metadata"] |= {
            "labels": {EXECUTION_UID: store.objects[RUN]["metadata"]["uid"]},
            "annotations": {NODE: "first", ATTEMPT: "0"},
            "ownerReferences": job["metadata"]["ownerReferences"],
        }
        store.create("jobs", "elsewhere", claims)
        await asyncio.sleep(5.0)
        store.patch(RUN, {"spec": {"desiredState": "Paused"}})  # forces a new read
        await asyncio.sleep(30.0)
        assert "activeDeadlineSeconds" in store.objects["jobs", NAMESPACE, "migration"]["spec"]
        kept = store.objects["jobs", NAMESPACE, "migration"]["spec"]["activeDeadlineSeconds"]
        assert kept == others["spec"]["activeDeadlineSeconds"]
        assert not [event for event in store.all("events") if event["reason"] == "StrayJob"]


class _Webhook(FaultyTransport):
    """Others refuse every change of a Job or pod."""

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb == "patch" and ("/pods/" in path or "/jobs/" in path):
            raise ApiError(403, "Forbidden", "nothing is to be changed")
        return await super().exchange(verb, path, *rest)


async def test_an_orphan_that_cannot_be_stopped_holds_up_nothing_and_is_reported() -> None:
    store = store_with(manifest("Workflow", "main", LONG))
    _working_for(store, next=5.0, last=5.0)
    async with running_operator(store, _Webhook(store)):
        await asyncio.sleep(0.5)
        (job,) = [
            job for job in store.all("jobs") if job["metadata"]["annotations"][NODE] == "first"
        ]
        orphan = copy.deepcopy(job)
        orphan["metadata"] = {**job["metadata"], "name": "orphan"}
        orphan["metadata"]["annotations"] = {**job["metadata"]["annotations"], ATTEMPT: "0"}
        store.create("jobs", NAMESPACE, orphan)
        raw = await _until_ended(store)
    assert raw["status"]["phase"] == "Succeeded"
    words = [event["message"] for event in store.all("events") if event["reason"] == "StrayJob"]
    assert any("cannot be stopped" in each and "nothing is to be changed" in each for each in words)


@pytest.mark.parametrize(
    "edited",
    [
        {NODE: "nowhere", ATTEMPT: "many"},
        {NODE: "next", ATTEMPT: "1"},
        {NODE: "first", ATTEMPT: "0"},
        {NODE: None, ATTEMPT: None},
    ],
)
async def test_edited_annotations_of_a_job_neither_hide_its_end_nor_have_it_stopped(
    edited: dict[str, str | None],
) -> None:
    store = store_with(manifest("Workflow", "main", LONG))
    _working_for(store, first=20.0, next=20.0)
    async with running_operator(store, FaultyTransport(store)):
        await asyncio.sleep(10.0)
        (job,) = store.all("jobs")
        key = ("jobs", NAMESPACE, job["metadata"]["name"])
        store.patch(key, {"metadata": {"annotations": edited}})
        await asyncio.sleep(15.0)
        assert store.objects[RUN]["status"]["nodes"]["first"]["phase"] == "Succeeded"
    assert "StrayJob" not in {event["reason"] for event in store.all("events")}
