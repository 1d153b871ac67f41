"""The end of the container `action` is the evidence, on a kubelet that shows a pod's stages."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orchestrator.engine.times import from_rfc3339
from orchestrator.jobs.evidence import phase_of, terminated
from orchestrator.kube.client import Raw
from orchestrator.models.labels import EXECUTION_UID
from tests.simulation.faults import FaultyTransport
from tests.simulation.kubelet import Outcome
from tests.simulation.operator_harness import manifest, run_to_end, running_operator, store_with
from tests.simulation.pods import JOB_NAME
from tests.simulation.scenario import NAMESPACE
from tests.simulation.stages import NEVER, Stages
from tests.simulation.store import Store

STAGES = Stages(1.2)
CHAIN: Raw = {
    "nodes": [
        {"name": "first", "action": "local/task"},
        {"name": "second", "action": "local/task"},
    ],
    "edges": [{"from": "first", "to": "second"}],
}


def transport(store: Store) -> FaultyTransport:
    return FaultyTransport(store)


def one(**fields: Any) -> Raw:
    return manifest(
        "Workflow", "main", {"nodes": [{"name": "task", "action": "local/task"} | fields]}
    )


def pods_of(store: Store, node: str) -> list[Raw]:
    named = f"main-{node}-"
    return [raw for raw in store.all("pods") if raw["metadata"]["name"].startswith(named)]


async def test_the_next_job_is_made_before_the_phase_of_the_pod_changes() -> None:
    store = store_with(manifest("Workflow", "main", CHAIN), stages=STAGES)
    phases: list[str] = []

    def watch(plural: str, old: Raw | None, new: Raw | None) -> None:
        if plural == "jobs" and old is None and new and "-second-" in new["metadata"]["name"]:
            phases.extend(phase_of(pod) for pod in pods_of(store, "first"))

    store.observers.append(watch)
    raw = await run_to_end(store, transport(store))
    assert raw["status"]["phase"] == "Succeeded"
    assert phases == ["Running"]


@pytest.mark.parametrize("reasons", [["Failed"], ["Failed", "Disrupted"], ["Disrupted"]])
async def test_a_retry_begins_as_soon_as_the_failure_cannot_be_anything_else(
    reasons: list[str],
) -> None:
    retry = {"limit": 1, "reasons": reasons, "backoff": {"initial": "1s", "factor": 1}}
    store = store_with(
        one(retry=retry), script=lambda *_: Outcome("failure", 2.0), stages=Stages(5.0)
    )
    raw = await run_to_end(store, transport(store))
    record = raw["status"]["nodes"]["task"]
    assert (record["phase"], record["exitCode"]) == ("Failed", 1)
    # Where only disruptions are tried again, the phase says that this is none.
    assert record["attempts"] == (2 if "Failed" in reasons else 1)


@pytest.mark.parametrize("lingers", [0.0, 3.0, NEVER])
@pytest.mark.parametrize(
    ("ends", "phase"), [("success", "Succeeded"), ("permanent", "Failed"), ("failure", "Failed")]
)
async def test_an_injected_container_changes_nothing_and_does_not_stay(
    ends: str, phase: str, lingers: float
) -> None:
    store = store_with(
        one(timeout="10m"),
        script=lambda *_: Outcome(ends, 2.0, 5),
        stages=Stages(1.2, lambda *_: lingers),
    )
    async with running_operator(store, transport(store)):
        await asyncio.sleep(30)
    record = store.objects["workflowexecutions", NAMESPACE, "run"]["status"]["nodes"]["task"]
    assert record["phase"] == phase
    assert record.get("outputs") == ({"value": 5} if ends == "success" else None)
    (pod,) = store.all("pods")
    assert phase_of(pod) in ("Succeeded", "Failed")
    assert terminated(pod)["exitCode"] == {"success": 0, "failure": 1, "permanent": 64}[ends]
    stopped = [raw for raw in store.all("events") if raw["reason"] == "InjectedContainerStopped"]
    assert len(stopped) == (1 if lingers == NEVER else 0)


@pytest.mark.parametrize("owner", ["before", "none before"])
async def test_the_event_about_a_stopped_container_concerns_the_execution(owner: str) -> None:
    store = store_with(
        one(timeout="10m"),
        script=lambda *_: Outcome("success", 2.0, 5),
        stages=Stages(1.2, lambda *_: NEVER),
    )

    def own(plural: str, old: Raw | None, new: Raw | None) -> None:
        if plural == "jobs" and old is None and new is not None and owner == "before":
            owners = new["metadata"]["ownerReferences"]
            other = {"apiVersion": "v1", "kind": "ConfigMap", "name": "app", "uid": "other"}
            key = ("jobs", NAMESPACE, new["metadata"]["name"])
            store.patch(key, {"metadata": {"ownerReferences": [other, *owners]}})

    store.observers.append(own)
    async with running_operator(store, transport(store)):
        await asyncio.sleep(30)
    (event,) = [raw for raw in store.all("events") if raw["reason"] == "InjectedContainerStopped"]
    run = store.objects["workflowexecutions", NAMESPACE, "run"]
    regarding = event.get("regarding") or event["involvedObject"]
    assert regarding["uid"] == run["metadata"]["uid"]


async def test_a_fan_out_ends_though_an_injected_container_of_its_items_never_does() -> None:
    items = {
        "values": "[1, 2, 3]",
        "as": "it",
        "parallelism": 1,
        "maxFailed": 3,
        "gather": ["value"],
    }
    store = store_with(
        one(timeout="10m", forEach=items),
        script=lambda *_: Outcome("success", 2.0, 5),
        stages=Stages(1.2, lambda *_: NEVER),
    )
    raw = await run_to_end(store, transport(store))
    record = raw["status"]["nodes"]["task"]
    assert (record["phase"], record["completed"]) == ("Succeeded", "0-2")
    assert record["outputs"] == {"value": [5, 5, 5]}
    took = from_rfc3339(record["finishedAt"]) - from_rfc3339(record["startedAt"])
    assert took < 60


@pytest.mark.parametrize("before", [True, False])
async def test_who_is_killed_between_the_containers_end_and_the_pods_loses_nothing(
    *, before: bool
) -> None:
    """Each write in turn is the last of the first operator, and takes effect or not."""
    for number in range(12):
        store = store_with(manifest("Workflow", "main", CHAIN), stages=Stages(8.0))
        killed = transport(store)
        killed.crash_at = (number, before)
        raw = await run_to_end(store, killed, transport(store))
        assert raw["status"]["phase"] == "Succeeded"
        assert {name: node["outputs"] for name, node in raw["status"]["nodes"].items()} == {
            "first": {"value": 5},
            "second": {"value": 5},
        }
        assert len(store.all("jobs")) == len(store.all("pods")) == 2


@pytest.mark.parametrize("owner", ["none", "job by another uid", "no controller"])
async def test_a_pod_that_is_not_controlled_by_the_job_is_never_read(owner: str) -> None:
    store = store_with(one(timeout="20s"), script=lambda *_: Outcome("failure", 10.0))

    def forge(plural: str, old: Raw | None, job: Raw | None) -> None:
        if plural != "jobs" or old is not None or job is None:
            return
        owners = {
            "none": [],
            "job by another uid": [reference(job, uid="other", controller=True)],
            "no controller": [reference(job)],
        }[owner]
        labels = {
            JOB_NAME: job["metadata"]["name"],
            EXECUTION_UID: job["metadata"]["labels"][EXECUTION_UID],
        }
        pod = store.create(
            "pods",
            NAMESPACE,
            {
                "kind": "Pod",
                "metadata": {"name": "forged", "labels": labels, "ownerReferences": owners},
                "spec": {},
            },
        )
        assert pod["metadata"]["name"] == "forged"
        store.set_status(("pods", NAMESPACE, "forged"), **SUCCESS)

    store.observers.append(forge)
    raw = await run_to_end(store, transport(store))
    record = raw["status"]["nodes"]["task"]
    assert (record["phase"], record.get("outputs")) == ("Failed", None)


SUCCESS = {
    "phase": "Succeeded",
    "containerStatuses": [
        {
            "name": "action",
            "state": {"terminated": {"exitCode": 0, "message": '{"value": 666}'}},
        }
    ],
}


def reference(job: Raw, **more: Any) -> Raw:
    metadata = job["metadata"]
    return {"kind": "Job", "name": metadata["name"], "uid": metadata["uid"]} | more


@pytest.mark.parametrize("state", ["Cancelled", "Terminated"])
@pytest.mark.parametrize("phase", ["Running", "Succeeded"])
@pytest.mark.parametrize("items", [None, {"values": "[1, 2]", "as": "it"}])
async def test_a_forged_pod_neither_hinders_a_stop_nor_is_touched_by_it(
    state: str, phase: str, items: Raw | None
) -> None:
    each = {} if items is None else {"forEach": items}
    store = store_with(one(timeout="10m", **each), script=lambda *_: Outcome("hang", 900.0))
    async with running_operator(store, transport(store)):
        await asyncio.sleep(10)
        (job,) = store.all("jobs")
        labels = {JOB_NAME: job["metadata"]["name"]}
        own = {"name": "forged", "labels": labels, "ownerReferences": [reference(job)]}
        spec: Raw = {"nodeName": "machine", "activeDeadlineSeconds": 3600}
        store.create("pods", NAMESPACE, {"kind": "Pod", "metadata": own, "spec": spec})
        status = SUCCESS if phase == "Succeeded" else {"phase": "Running"}
        store.set_status(("pods", NAMESPACE, "forged"), **status)
        forged = store.objects["pods", NAMESPACE, "forged"]
        store.patch(("workflowexecutions", NAMESPACE, "run"), {"spec": {"desiredState": state}})
        await asyncio.sleep(20)
    assert store.objects["pods", NAMESPACE, "forged"] == forged
    record = store.objects["workflowexecutions", NAMESPACE, "run"]["status"]["nodes"]["task"]
    assert record["phase"] == "Cancelled"
    left = [pod for pod in store.all("pods") if pod["metadata"]["name"] != "forged"]
    assert all(phase_of(pod) == "Failed" for pod in left)


@pytest.mark.parametrize("at_once", [1, 3])
async def test_nothing_works_for_a_fan_out_after_its_node_ended(at_once: int) -> None:
    """Injected containers never end; what is stopped for that is tried again, as a failure."""
    retry = {"limit": 2, "reasons": ["Failed"]}
    items = {"values": "[1, 2, 3]", "as": "it", "parallelism": at_once, "maxFailed": 3}
    store = store_with(
        one(timeout="10m", forEach=items, retry=retry),
        script=lambda *_: Outcome("success", 2.0, 5),
        stages=Stages(1.2, lambda *_: NEVER),
    )
    raw = await run_to_end(store, transport(store))
    record = raw["status"]["nodes"]["task"]
    assert (record["phase"], record["completed"]) == ("Succeeded", "0-2")
    async with running_operator(store, transport(store)):
        await asyncio.sleep(15)
        pods = len(store.all("pods"))
        assert all(phase_of(pod) in ("Succeeded", "Failed") for pod in store.all("pods"))
        await asyncio.sleep(120)
        assert len(store.all("pods")) == pods


async def test_no_item_that_succeeded_runs_again_where_none_waits_for_its_room() -> None:
    retry = {"limit": 2, "reasons": ["Failed"]}
    store = store_with(
        one(timeout="10m", forEach={"values": "[1, 2, 3]", "as": "it"}, retry=retry),
        script=lambda *_: Outcome("success", 2.0, 5),
        stages=Stages(1.2, lambda *_: NEVER),
    )
    made: list[str] = []

    def watch(plural: str, old: Raw | None, new: Raw | None) -> None:
        if plural == "pods" and old is None and new is not None:
            made.append(new["metadata"]["name"])

    store.observers.append(watch)
    async with running_operator(store, transport(store)):
        await asyncio.sleep(60)
    record = store.objects["workflowexecutions", NAMESPACE, "run"]["status"]["nodes"]["task"]
    assert (record["phase"], record.get("failed")) == ("Succeeded", None)
    assert len(made) == 3
