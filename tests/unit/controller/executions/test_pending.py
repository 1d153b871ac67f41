"""Looking for what holds Jobs up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orchestrator.controller.executions.observe.pending import (
    MAX_INTERVAL,
    MIN_INTERVAL,
    UNEXPLAINED_CHECKS,
    PendingPods,
)
from orchestrator.jobs.pending import why_silent, why_waiting
from orchestrator.kube.cache import JOB_NAME, Jobs, Pods
from orchestrator.kube.client import ApiClient
from orchestrator.kube.resources import PODS
from orchestrator.models.labels import EXECUTION_UID
from tests.apiserver import ApiServer

LABELS = {EXECUTION_UID: "e"}


class Looking:
    """A poller and what it told."""

    def __init__(self, client: ApiClient) -> None:
        self.naps: asyncio.Queue[float] = asyncio.Queue()
        self.wake: asyncio.Queue[None] = asyncio.Queue()
        self.client = client
        self.jobs, self.pods = Jobs(), Pods()
        self.told: list[str] = []
        self.pending = PendingPods(
            client,
            self.jobs,
            self.pods,
            lambda job: self.told.append(job["metadata"]["name"]),
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.naps.put_nowait(seconds)
        await self.wake.get()

    def job(self, name: str, **status: Any) -> None:
        metadata = {"namespace": "a", "name": name, "uid": f"uid-{name}", "labels": LABELS}
        job = {"metadata": metadata, "status": status}
        self.jobs.put(job)
        self.pending.take(job)


@pytest.fixture
def looking(client: ApiClient) -> Looking:
    return Looking(client)


async def put_pod(server: ApiServer, job: str, **fields: Any) -> None:
    metadata = {
        "labels": {**LABELS, JOB_NAME: job},
        "ownerReferences": [{"uid": f"uid-{job}", "controller": True}],
    }
    await server.put("pods", "a", f"{job}-pod", metadata=metadata, **fields)


async def pending_pod(server: ApiServer, job: str, reason: str) -> None:
    waiting = {"state": {"waiting": {"reason": reason}}}
    await put_pod(server, job, status={"phase": "Pending", "containerStatuses": [waiting]})


async def test_nothing_is_asked_while_every_job_has_a_ready_or_ended_pod(
    looking: Looking, client: ApiClient
) -> None:
    looking.job("runs", active=1, ready=1)
    looking.job("done", conditions=[{"type": "Complete", "status": "True"}])
    looking.job("ends")
    looking.pods.put(
        {
            "metadata": {
                "namespace": "a",
                "name": "p",
                "uid": "p",
                "ownerReferences": [{"uid": "uid-ends", "controller": True}],
            }
        }
    )
    await looking.pending.check()
    await looking.pending.check()
    assert not client.requests


async def test_a_new_job_is_given_a_while(
    server: ApiServer, looking: Looking, client: ApiClient
) -> None:
    await pending_pod(server, "slow", "ContainerCreating")
    looking.job("slow")
    await looking.pending.check()
    assert not client.requests
    await looking.pending.check()
    assert len(looking.pods.by_job("a", "uid-slow")) == 1


async def test_an_execution_is_looked_at_when_its_pod_says_something_new(
    server: ApiServer, looking: Looking
) -> None:
    looking.job("slow")
    await looking.pending.check()
    await pending_pod(server, "slow", "ErrImagePull")
    await looking.pending.check()
    await looking.pending.check()
    assert looking.told == ["slow"]
    await pending_pod(server, "slow", "ImagePullBackOff")
    await looking.pending.check()
    assert looking.told == ["slow", "slow"]


async def test_refused_pods_are_known_by_their_events(server: ApiServer, looking: Looking) -> None:
    looking.job("refused")
    await looking.pending.check()
    for name, message in (("2", "quota exceeded"), ("1", "first try")):
        await server.put(
            "events",
            "a",
            name,
            type="Warning",
            reason="FailedCreate",
            message=message,
            lastTimestamp=f"2026-01-01T00:00:0{name}Z",
            involvedObject={"kind": "Job", "uid": "uid-refused"},
        )
    await looking.pending.check()
    messages = [event["message"] for event in looking.pending.events("uid-refused")]
    assert messages == ["first try", "quota exceeded"]
    assert looking.told == ["refused"]


async def test_it_looks_again_and_again_only_while_a_job_waits(
    server: ApiServer, looking: Looking
) -> None:
    await pending_pod(server, "slow", "ErrImagePull")
    running = asyncio.create_task(looking.pending.run())
    looking.job("runs", active=1, ready=1)
    looking.job("slow")
    assert await looking.naps.get() == MIN_INTERVAL
    looking.wake.put_nowait(None)
    await looking.naps.get()
    assert looking.told == ["slow"]
    looking.job("slow", ready=1)
    looking.wake.put_nowait(None)  # no Job waits any more
    while looking.pods.by_job("a", "uid-slow"):  # noqa: ASYNC110 (no event reports it)
        await asyncio.sleep(0)
    assert looking.naps.empty()
    looking.job("another")
    assert await looking.naps.get() == MIN_INTERVAL
    running.cancel()
    await asyncio.wait([running])


async def test_after_a_look_that_took_long_it_rests_the_longer(
    looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = looking.pending.check

    async def slowly() -> None:
        await asyncio.sleep(0.5)
        await check()

    monkeypatch.setattr(looking.pending, "check", slowly)
    looking.job("slow")
    running = asyncio.create_task(looking.pending.run())
    assert MIN_INTERVAL < await looking.naps.get() <= MAX_INTERVAL
    running.cancel()
    await asyncio.wait([running])


async def test_a_volume_that_cannot_be_mounted_is_found_in_the_events_of_its_pod(
    server: ApiServer, looking: Looking
) -> None:
    await pending_pod(server, "slow", "ContainerCreating")
    (pod,) = (await looking.client.list(PODS, "a"))[0]
    message = 'MountVolume.SetUp failed for volume "v" : secret "api" not found'
    await server.put(
        "events",
        "a",
        "unmounted",
        type="Warning",
        reason="FailedMount",
        involvedObject={"kind": "Pod", "uid": pod["metadata"]["uid"]},
        message=message,
    )
    looking.job("slow")
    for _ in range(1 + UNEXPLAINED_CHECKS):
        await looking.pending.check()
    (seen,) = looking.pods.by_job("a", "uid-slow")
    assert why_waiting(seen) == (
        "SecretMissing",
        "Secret api is missing: kubectl -n a create secret generic api --from-literal=KEY=VALUE",
    )
    assert looking.told.count("slow") == 2


async def running_pod(server: ApiServer, job: str, *, ready: bool) -> None:
    """A running pod, whose cluster node reports or does not."""
    conditions = [
        {"type": "Ready", "status": "True" if ready else "False"},
        {"type": "ContainersReady", "status": "True"},
    ]
    action = {"name": "action", "state": {"running": {}}}
    status = {"phase": "Running", "conditions": conditions, "containerStatuses": [action]}
    await put_pod(server, job, spec={"nodeName": "worker-3"}, status=status)


async def test_a_running_pod_whose_cluster_node_does_not_report_is_found(
    server: ApiServer, looking: Looking
) -> None:
    await running_pod(server, "silent", ready=False)
    await running_pod(server, "begins", ready=True)  # its Job has not counted it as ready yet
    for name in ("silent", "begins"):
        looking.job(name, active=1, ready=0)
    for _ in range(2):
        await looking.pending.check()
    looking.told.clear()
    await looking.pending.check()
    assert looking.told == ["silent"]
    (pod,) = looking.pods.by_job("a", "uid-silent")
    reason, message = why_silent(pod)
    assert reason == "NodeNotReady"
    assert "cluster node worker-3 does not report" in message
    assert not looking.pods.by_job("a", "uid-begins")


async def test_running_pods_are_listed_only_for_jobs_that_stay_unready(
    server: ApiServer, looking: Looking, client: ApiClient
) -> None:
    await running_pod(server, "begins", ready=False)
    looking.job("begins", active=1, ready=0)
    for _ in range(2):
        await looking.pending.check()
    before = len(client.requests)
    looking.job("begins", active=1, ready=1)
    await looking.pending.check()
    assert len(client.requests) == before
    assert not looking.pods.by_job("a", "uid-begins")
