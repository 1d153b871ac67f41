"""Stopping what injected containers keep running once the action of their pod has ended."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orchestrator.controller.executions.act.stuck_sidecars import SidecarStopper
from orchestrator.kube.cache import JOB_NAME, Jobs, Pods
from orchestrator.kube.client import ApiClient
from orchestrator.models.labels import EXECUTION_UID
from tests.apiserver import ApiServer

LABELS = {EXECUTION_UID: "e"}


@pytest.mark.parametrize(("deadline", "stopped"), [(60, ["task"]), (6, ["task"]), (5, []), (4, [])])
async def test_a_pod_whose_action_ended_by_its_deadline_is_not_asked_to_stop(
    server: ApiServer, client: ApiClient, deadline: int, stopped: list[str]
) -> None:
    """The action ended after five seconds. Its deadline is to be lowered and never raised."""
    jobs, pods, told, naps = Jobs(), Pods(), [], asyncio.Event()

    async def sleep(_: float) -> None:
        sidecars._waiting = dict.fromkeys(sidecars._waiting, 0.0)  # time has passed
        if naps.is_set():
            await asyncio.Event().wait()
        naps.set()

    sidecars = SidecarStopper(
        client, jobs, pods, lambda _, pod, __: told.append(pod["metadata"]["name"]), sleep=sleep
    )
    job = await server.put("jobs", "a", "task", metadata={"labels": LABELS}, spec={})
    jobs.put(job)
    owner = {"kind": "Job", "name": "task", "uid": job["metadata"]["uid"], "controller": True}
    metadata = {"labels": {**LABELS, JOB_NAME: "task"}, "ownerReferences": [owner]}
    ended = {"exitCode": 0, "finishedAt": "2026-11-28T12:00:05Z"}
    status: dict[str, Any] = {
        "phase": "Running",
        "startTime": "2026-11-28T12:00:00Z",
        "containerStatuses": [
            {"name": "action", "state": {"terminated": ended}},
            {"name": "proxy", "state": {"running": {}}},
        ],
    }
    pod = await server.put(
        "pods",
        "a",
        "task",
        metadata=metadata,
        spec={"activeDeadlineSeconds": deadline},
        status=status,
    )
    pods.put(pod)
    sidecars.take("ADDED", pod)
    running = asyncio.create_task(sidecars.run())
    await naps.wait()
    await asyncio.sleep(0.3)
    running.cancel()
    assert told == stopped
    patches = [path for verb, path in server.requests if verb == "PATCH"]
    assert len(patches) == len(stopped)
