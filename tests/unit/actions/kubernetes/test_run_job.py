"""run-job: one Job for one node, whatever happens to its attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.actions.action import FAILED, PERMANENT, Context
from orchestrator.actions.registry import load
from tests.unit.actions.conftest import VirtualClock
from tests.unit.actions.kubernetes.attempts import another_execution, attempt, refused
from tests.unit.actions.kubernetes.kubeserver import KubeServer

COMPLETE = [{"type": "Complete", "status": "True"}]
FAILURE = [
    {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often"}
]
POD_SPEC: dict[str, Any] = {"containers": [{"name": "main", "image": "x"}]}
MANIFEST: dict[str, Any] = {
    "metadata": {"name": "import", "labels": {"team": "shop"}},
    "spec": {"template": {"spec": POD_SPEC}},
}


def jobs(cluster: KubeServer) -> list[dict[str, Any]]:
    return [raw for (kind, _, _), raw in sorted(cluster.objects.items()) if kind == "jobs"]


Ends = Callable[[list[dict[str, Any]]], None]


@pytest.fixture
def ends(cluster: KubeServer, clock: VirtualClock) -> Ends:
    """Lets every Job that has not ended get these conditions at the next wait."""
    passed = clock.sleep

    def so(conditions: list[dict[str, Any]]) -> None:
        def sleep(seconds: float) -> None:
            passed(seconds)
            for job in jobs(cluster):
                job.setdefault("status", {"conditions": conditions, "succeeded": 1})

        clock.sleep = sleep  # type: ignore[method-assign]

    return so


async def test_a_job_of_a_manifest_runs_once(
    cluster: KubeServer, connected: Context, ends: Ends
) -> None:
    ends(COMPLETE)
    first = await attempt("run-job", connected, manifest=MANIFEST)
    (job,) = jobs(cluster)
    assert (first.job, first.succeeded, first.repeated) == (job["metadata"]["name"], 1, False)
    assert first.job.startswith("import-")
    assert job["metadata"]["labels"]["team"] == "shop"
    assert job["spec"]["ttlSecondsAfterFinished"] == 3600
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("WorkflowExecution", "run", "u1")
    again = await attempt("run-job", connected, manifest=MANIFEST)
    assert (again.job, again.repeated, len(jobs(cluster))) == (first.job, True, 1)
    other = await attempt("run-job", another_execution(connected), manifest=MANIFEST)
    assert (other.repeated, len(jobs(cluster))) == (False, 2)


async def test_the_log_of_the_newest_pod_is_read(
    cluster: KubeServer, connected: Context, ends: Ends, log: list[str]
) -> None:
    ends(COMPLETE)
    name = (await attempt("run-job", connected, manifest=MANIFEST)).job
    uid = cluster.objects["jobs", "shop", name]["metadata"]["uid"]
    labels = {"batch.kubernetes.io/controller-uid": uid}
    await cluster.put("pods", "shop", "p", metadata={"labels": labels}, spec=POD_SPEC)
    done = await attempt("run-job", connected, manifest=MANIFEST)
    assert done.log == "log of p\nlast line"
    assert log[-2:] == ["log of p", "last line"]


async def test_the_job_of_a_cron_job_is_that_of_its_template(
    cluster: KubeServer, connected: Context, ends: Ends
) -> None:
    ends(COMPLETE)
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"backoffLimit": 0}}
    await cluster.put("cronjobs", "shop", "nightly", spec={"jobTemplate": template})
    done = await attempt("run-job", connected, cronJob="nightly", keep="10s")
    (job,) = jobs(cluster)
    assert done.job.startswith("nightly-")
    assert job["spec"] == {"backoffLimit": 0, "ttlSecondsAfterFinished": 10}
    assert job["metadata"]["annotations"] == {"cronjob.kubernetes.io/instantiate": "manual"}


async def test_after_a_failed_job_a_retry_starts_another_one(
    cluster: KubeServer, connected: Context, ends: Ends
) -> None:
    ends(FAILURE)
    error = await refused("run-job", connected, manifest=MANIFEST)
    assert error.exit_code == FAILED
    assert "failed: BackoffLimitExceeded: too often" in str(error)
    ends(COMPLETE)
    assert not (await attempt("run-job", connected, manifest=MANIFEST)).repeated
    assert [job["metadata"]["name"][-2:] for job in jobs(cluster)] == ["-1", "-2"]


async def test_a_job_that_takes_too_long_is_deleted(
    cluster: KubeServer, connected: Context
) -> None:
    error = await refused("run-job", connected, manifest=MANIFEST, timeout="1m")
    assert (error.exit_code, "has not ended after 60 s" in str(error)) == (FAILED, True)
    assert jobs(cluster) == []


async def test_a_cancelled_action_deletes_its_job(
    cluster: KubeServer, connected: Context, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_seconds: float) -> None:
        raise SystemExit(143)

    monkeypatch.setattr(clock, "sleep", stop)
    with pytest.raises(SystemExit):
        await _in_thread(connected)
    assert jobs(cluster) == []


async def _in_thread(connected: Context) -> None:
    """asyncio ends its loop at a SystemExit in a task, so it is carried out of the thread."""

    def run() -> BaseException | None:
        action = load("run-job")
        try:
            action.run(action.parameters.model_validate({"manifest": MANIFEST}), connected)
        except SystemExit as stopped:
            return stopped
        return None

    if stopped := await asyncio.to_thread(run):
        raise stopped


async def test_pods_that_cannot_start_end_the_job(
    cluster: KubeServer, connected: Context, clock: VirtualClock
) -> None:
    passed = clock.sleep
    waiting = {"reason": "ImagePullBackOff", "message": "not found"}
    status = {"containerStatuses": [{"name": "main", "state": {"waiting": waiting}}]}

    def sleep(seconds: float) -> None:
        passed(seconds)
        for job in jobs(cluster):
            labels = {"batch.kubernetes.io/controller-uid": job["metadata"]["uid"]}
            pod = {"name": "p", "namespace": "shop", "labels": labels, "uid": "p"}
            cluster.objects["pods", "shop", "p"] = {"metadata": pod, "status": status}

    clock.sleep = sleep  # type: ignore[method-assign]
    error = await refused("run-job", connected, manifest=MANIFEST, podFailureTimeout="30s")
    assert error.exit_code == PERMANENT
    assert "cannot start: container main of pod p: ImagePullBackOff: not found" in str(error)
    assert (clock.seconds < 60, jobs(cluster)) == (True, [])


async def test_run_by_hand_a_job_has_no_owner(
    cluster: KubeServer, connected: Context, ends: Ends
) -> None:
    ends(COMPLETE)
    by_hand = replace(connected, identity=replace(connected.identity, execution=""))
    await attempt("run-job", by_hand, manifest=MANIFEST)
    assert "ownerReferences" not in jobs(cluster)[0]["metadata"]
