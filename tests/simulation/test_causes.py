"""What kept an attempt from starting stays the reason and the message of its end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orchestrator.engine.times import from_rfc3339
from orchestrator.jobs.evidence import phase_of
from orchestrator.kube.client import ApiError, Raw
from orchestrator.models.labels import ALLOW_WORKFLOWS
from tests.simulation.faults import FaultyTransport
from tests.simulation.kubelet import Outcome
from tests.simulation.operator_harness import manifest, run_to_end, running_operator, store_with
from tests.simulation.scenario import NAMESPACE
from tests.simulation.stages import Stages
from tests.simulation.store import Store

STAGES = Stages(1.2)
QUOTA = (
    'jobs.batch "x" is forbidden: exceeded quota: few, requested: count/jobs.batch=1, '
    "used: count/jobs.batch=1, limited: count/jobs.batch=1"
)


class UnderQuota(FaultyTransport):
    """Jobs are refused by a quota until some are ended."""

    def __init__(self, store: Store, seconds: float) -> None:
        super().__init__(store)
        self._free_at = store.clock() + seconds
        self.refused = 0

    async def exchange(self, verb: str, path: str, *rest: Any) -> Raw:
        if verb == "create" and path.endswith("/jobs") and self.store.clock() < self._free_at:
            self.refused += 1
            raise ApiError(403, "Forbidden", QUOTA)
        return await super().exchange(verb, path, *rest)


def workflow(**fields: Any) -> Raw:
    node = {"name": "task", "action": "local/task", "startTimeout": "2m"} | fields
    return manifest("Workflow", "main", {"nodes": [node]})


def well(store: Store) -> FaultyTransport:
    return FaultyTransport(store)


def record_of(store: Store) -> Raw:
    status = store.objects["workflowexecutions", NAMESPACE, "run"].get("status") or {}
    record: Raw = (status.get("nodes") or {}).get("task", {})
    return record


def took(raw: Raw) -> float:
    record = raw["status"]["nodes"]["task"]
    return from_rfc3339(record["finishedAt"]) - from_rfc3339(record["startedAt"])


async def test_a_quota_that_refuses_the_job_is_waited_for() -> None:
    store = store_with(workflow())
    transport = UnderQuota(store, 50.0)
    async with running_operator(store, transport):
        await asyncio.sleep(20)
        seen = record_of(store)
        assert (seen["phase"], seen["reason"]) == ("Pending", "QuotaExceeded")
        assert "kubectl -n default describe quota few" in seen["message"]
        await asyncio.sleep(90)
    assert record_of(store)["phase"] == "Succeeded"
    assert 3 <= transport.refused <= 6
    assert len(store.all("jobs")) == 1


@pytest.mark.parametrize("fields", [{"timeout": "10s"}, {"timeout": "1h"}])
async def test_a_quota_that_stays_is_the_reason_of_the_end(fields: Raw) -> None:
    store = store_with(workflow(**fields))
    raw = await run_to_end(store, UnderQuota(store, 3600.0))
    record = raw["status"]["nodes"]["task"]
    assert (record["phase"], record["reason"]) == ("Failed", "QuotaExceeded")
    assert "describe quota few" in record["message"]
    assert 119 < took(raw) < 123
    assert store.all("jobs") == []


async def test_a_quota_that_stays_is_retried_as_a_failure() -> None:
    retry = {"limit": 1, "reasons": ["Failed"], "backoff": {"initial": "1s"}}
    store = store_with(workflow(retry=retry))
    raw = await run_to_end(store, UnderQuota(store, 180.0))
    record = raw["status"]["nodes"]["task"]
    assert (record["phase"], record["attempts"]) == ("Succeeded", 2)


async def test_what_waits_for_a_quota_is_cancelled_at_once() -> None:
    store = store_with(workflow())
    async with running_operator(store, UnderQuota(store, 3600.0)):
        await asyncio.sleep(20)
        store.patch(
            ("workflowexecutions", NAMESPACE, "run"), {"spec": {"desiredState": "Cancelled"}}
        )
        await asyncio.sleep(5)
    assert record_of(store)["phase"] == "Cancelled"


async def test_the_clock_of_what_waits_for_a_quota_goes_on_under_a_pause() -> None:
    store = store_with(workflow())
    transport = UnderQuota(store, 3600.0)
    async with running_operator(store, transport):
        await asyncio.sleep(20)
        key = ("workflowexecutions", NAMESPACE, "run")
        store.patch(key, {"spec": {"desiredState": "Paused"}})
        await asyncio.sleep(10)
        refused = transport.refused
        await asyncio.sleep(100)
        assert transport.refused == refused
    record = record_of(store)
    assert (record["phase"], record["reason"]) == ("Failed", "QuotaExceeded")


@pytest.mark.parametrize("fields", [{}, {"forEach": {"values": "[1, 2]", "as": "it"}}])
async def test_the_clock_goes_on_under_a_pause_after_a_restart(fields: Raw) -> None:
    store = store_with(workflow(**fields))
    async with running_operator(store, UnderQuota(store, 3600.0)):
        await asyncio.sleep(20)
        key = ("workflowexecutions", NAMESPACE, "run")
        store.patch(key, {"spec": {"desiredState": "Paused"}})
        await asyncio.sleep(10)
    transport = UnderQuota(store, 3600.0)
    async with running_operator(store, transport):
        await asyncio.sleep(60)
        assert record_of(store)["phase"] == "Pending"
        await asyncio.sleep(60)
    record = record_of(store)
    assert (record["phase"], record["reason"]) == ("Failed", "QuotaExceeded")
    assert 119 < took(store.objects[key]) < 123
    assert transport.refused == 0


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("fields", [{}, {"forEach": {"values": "[1, 2]", "as": "it"}}])
async def test_what_waits_for_a_quota_does_not_start_after_a_failure_that_stops(
    fields: Raw, *, restart: bool
) -> None:
    task = workflow(startTimeout="10m", **fields)["spec"]["nodes"]
    others = [{"name": "pause", "delay": "10s"}, {"name": "boom", "fail": "no"}]
    edges = [{"from": "pause", "to": "boom"}]
    spec = {"onFailure": "Stop", "nodes": [*task, *others], "edges": edges}
    store = store_with(manifest("Workflow", "main", spec))
    async with running_operator(store, UnderQuota(store, 60.0)):
        await asyncio.sleep(5 if restart else 100)
    if restart:
        await run_to_end(store, UnderQuota(store, 60.0))
    record = record_of(store)
    assert (record["phase"], record["reason"]) == ("Cancelled", "FailureStopped")
    assert took(store.objects["workflowexecutions", NAMESPACE, "run"]) < 11
    assert store.all("jobs") == []


async def test_a_restarted_operator_continues_to_wait_for_the_quota() -> None:
    store = store_with(workflow())
    async with running_operator(store, UnderQuota(store, 3600.0)):
        await asyncio.sleep(60)
    raw = await run_to_end(store, UnderQuota(store, 3600.0))
    assert raw["status"]["nodes"]["task"]["reason"] == "QuotaExceeded"
    assert 119 < took(raw) < 123


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("fields", [{}, {"forEach": {"values": "[1, 2]", "as": "it"}}])
async def test_the_time_to_start_in_goes_on_once_a_quota_let_the_job_be(
    fields: Raw, *, restart: bool
) -> None:
    store = store_with(
        workflow(timeout="1h", **fields), script=lambda *_: Outcome("stuck"), stages=STAGES
    )
    transport = UnderQuota(store, 70.0)
    async with running_operator(store, transport):
        await asyncio.sleep(105)
        assert record_of(store)["reason"] == "ImagePull"
        held_up = [raw["message"] for raw in store.all("events") if raw["reason"] == "NodeHeldUp"]
        assert [said.partition(":")[0] for said in held_up] == [
            "task is held up (QuotaExceeded",
            "task is held up (ImagePull",
        ]
        if not restart:
            await asyncio.sleep(30)
    raw = await run_to_end(store, well(store))
    record = raw["status"]["nodes"]["task"]
    assert (record["phase"], record["reason"]) == ("Failed", "ImagePull")
    assert 119 < took(raw) < 124


async def test_an_action_whose_job_waited_for_a_quota_has_all_its_time_to_run() -> None:
    fields = {"timeout": "20s", "startTimeout": "5m"}
    store = store_with(workflow(**fields), script=lambda *_: Outcome("success", 15.0, 5))
    raw = await run_to_end(store, UnderQuota(store, 170.0))
    assert raw["status"]["nodes"]["task"]["phase"] == "Succeeded"


async def test_what_was_held_up_until_its_time_was_over_is_not_created_any_more() -> None:
    store = store_with(workflow())
    async with running_operator(store, UnderQuota(store, 3600.0)):
        await asyncio.sleep(60)
    await asyncio.sleep(120)
    raw = await run_to_end(store, well(store))
    assert raw["status"]["nodes"]["task"]["reason"] == "QuotaExceeded"
    assert store.all("jobs") == []


def with_account(store: Store) -> None:
    template = store.objects["templates", NAMESPACE, "task"]
    action = template["spec"]["action"] | {"serviceAccountName": "runner"}
    store.replace(
        ("templates", NAMESPACE, "task"),
        {**template, "spec": {**template["spec"], "action": action}},
    )


async def test_a_missing_service_account_is_waited_for_and_named() -> None:
    store = store_with(workflow())
    with_account(store)
    async with running_operator(store, well(store)):
        await asyncio.sleep(20)
        seen = record_of(store)
        assert (seen["phase"], seen["reason"]) == ("Pending", "ServiceAccountMissing")
        assert "kubectl -n default create serviceaccount runner" in seen["message"]
        assert f"label serviceaccount runner {ALLOW_WORKFLOWS}=true" in seen["message"]
        labels = {ALLOW_WORKFLOWS: "true"}
        store.create(
            "serviceaccounts", NAMESPACE, {"metadata": {"name": "runner", "labels": labels}}
        )
        await asyncio.sleep(60)
    assert record_of(store)["phase"] == "Succeeded"


async def test_a_service_account_that_stays_missing_is_the_reason_of_the_end() -> None:
    store = store_with(workflow())
    with_account(store)
    raw = await run_to_end(store, well(store))
    record = raw["status"]["nodes"]["task"]
    assert (record["phase"], record["reason"]) == ("Failed", "ServiceAccountMissing")
    assert 119 < took(raw) < 123


async def test_a_service_account_without_the_label_fails_with_the_command() -> None:
    store = store_with(workflow())
    with_account(store)
    store.create("serviceaccounts", NAMESPACE, {"metadata": {"name": "runner"}})
    raw = await run_to_end(store, well(store))
    record = raw["status"]["nodes"]["task"]
    assert (record["phase"], record["reason"]) == ("Failed", "ServiceAccountNotAllowed")
    assert f"label serviceaccount runner {ALLOW_WORKFLOWS}=true" in record["message"]
    assert took(raw) < 5


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"timeout": "1h"}, (119, 124)),  # startTimeout
        ({"timeout": "20s"}, (18, 25)),  # the pod's own deadline
        ({"timeout": "50s", "startTimeout": "40s"}, (39, 44)),
        ({"timeout": "30s", "forEach": {"values": "[1, 2]", "as": "it"}}, (28, 70)),
        ({"timeout": "1h", "forEach": {"values": "[1, 2]", "as": "it"}}, (119, 124)),
    ],
)
@pytest.mark.parametrize("stages", [Stages(), STAGES])
async def test_what_a_pod_waits_for_is_the_reason_whichever_clock_ends_it(
    fields: dict[str, Any], at: tuple[float, float], stages: Stages
) -> None:
    store = store_with(workflow(**fields), script=lambda *_: Outcome("stuck"), stages=stages)
    async with running_operator(store, well(store)):
        await asyncio.sleep(12)
        seen = record_of(store)
        assert (seen["phase"], seen["reason"]) == ("Pending", "ImagePull")
    raw = await run_to_end(store, well(store))
    record = raw["status"]["nodes"]["task"]
    assert (record["phase"], record["reason"]) == ("Failed", "ImagePull")
    assert "image task:1 cannot be pulled" in record["message"]
    assert at[0] < took(raw) < at[1]


async def test_a_pod_that_cannot_start_is_stopped_after_its_end_is_stored() -> None:
    store = store_with(workflow(timeout="1h"), script=lambda *_: Outcome("stuck"), stages=STAGES)
    order: list[str] = []

    def watch(plural: str, old: Raw | None, new: Raw | None) -> None:
        if plural == "pods" and old and new and old["spec"] != new["spec"]:
            order.append("stopped")
        if plural == "workflowexecutions" and record_of(store).get("phase") == "Failed":
            order.append("stored")

    store.observers.append(watch)
    async with running_operator(store, well(store)):
        await asyncio.sleep(150)
    assert order[:1] == ["stored"]
    assert order.count("stopped") == 1
    (pod,) = store.all("pods")
    assert phase_of(pod) == "Failed"


async def test_an_action_that_runs_is_not_given_up_for_a_pod_that_is_not_ready() -> None:
    """An injected container keeps the pod from being ready, so that its Job counts no ready pod."""
    store = store_with(
        workflow(timeout="1h", startTimeout="30s"), script=lambda *_: Outcome("success", 120.0, 5)
    )

    def unready(plural: str, _: Raw | None, new: Raw | None) -> None:
        if plural == "jobs" and new and (new.get("status") or {}).get("ready"):
            store.set_status(("jobs", NAMESPACE, new["metadata"]["name"]), ready=0)

    store.observers.append(unready)
    raw = await run_to_end(store, well(store))
    record = raw["status"]["nodes"]["task"]
    assert (record["phase"], record["attempts"]) == ("Succeeded", 1)
