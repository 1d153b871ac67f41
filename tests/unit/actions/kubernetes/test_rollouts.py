"""What a wait for a rollout says, and when it gives up: rollback-deployment and scale."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.actions.action import FAILED, PERMANENT, Context
from tests.apiserver import ApiServer
from tests.unit.actions.conftest import VirtualClock
from tests.unit.actions.kubernetes.attempts import (
    REVISION,
    another_execution,
    attempt,
    refused,
    workload,
)

NOT_READY = {"observedGeneration": 9, "updatedReplicas": 1, "replicas": 1, "availableReplicas": 0}


def web(cluster: ApiServer, kind: str = "deployments") -> dict[str, Any]:
    return cluster.objects[kind, "shop", "web"]


async def revisions(cluster: ApiServer, *images: str) -> None:
    """The Deployment `web`, whose revisions from 1 had these images of main."""
    made = await workload(cluster)
    made["metadata"]["annotations"][REVISION] = str(len(images))
    made["status"]["observedGeneration"] = 9
    for number, image in enumerate(images, 1):
        labels = {"app": "web", "pod-template-hash": f"h{number}"}
        template = {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "main", "image": image}]},
        }
        await cluster.put(
            "replicasets", "shop", f"web-{number}",
            metadata={
                "labels": labels,
                "annotations": {REVISION: str(number)},
                "ownerReferences": [{"uid": made["metadata"]["uid"]}],
            },
            spec={"template": template},
        )  # fmt: skip


async def pod(cluster: ApiServer, hashed: str, **waiting: Any) -> None:
    """A pod of the revision with that hash whose container does not start."""
    state = {"name": "main", "state": {"waiting": waiting}}
    if waiting["reason"] == "CrashLoopBackOff":
        state["lastState"] = {"terminated": {"exitCode": 3, "reason": "Error"}}
    labels = {"app": "web", "pod-template-hash": hashed}
    await cluster.put(
        "pods", "shop", f"web-{hashed}",
        metadata={"labels": labels}, status={"containerStatuses": [state]},
    )  # fmt: skip


async def test_a_rollback_is_waited_for_and_reports_what_runs(
    cluster: ApiServer, connected: Context
) -> None:
    await revisions(cluster, "v1", "v2")
    done = await attempt("rollback-deployment", connected, name="web")
    assert (done.from_revision, done.to_revision, done.changed, done.ready) == (2, 1, True, 1)
    assert done.images == {"main": "v1"}
    writes = len(cluster.bodies)
    again = await attempt("rollback-deployment", connected, name="web")
    assert (again.to_revision, again.repeated, len(cluster.bodies)) == (1, True, writes)


async def test_a_rollback_whose_pods_do_not_start_says_why_and_is_not_repeated(
    cluster: ApiServer, connected: Context, clock: VirtualClock
) -> None:
    await revisions(cluster, "v1", "v2")
    web(cluster)["status"] = NOT_READY
    await pod(cluster, "h2", reason="ImagePullBackOff", message='Back-off pulling image "v1"')
    error = await refused("rollback-deployment", connected, name="web", podFailureTimeout="20s")
    assert error.exit_code == PERMANENT
    assert "container main of pod web-h2: ImagePullBackOff: Back-off pulling" in str(error)
    assert 20 <= clock.seconds < 30


@pytest.mark.parametrize(
    ("waiting", "words"),
    [
        ({"reason": "CrashLoopBackOff"}, "CrashLoopBackOff: exited with 3 (Error)"),
        ({"reason": "CreateContainerConfigError", "message": "no Secret x"}, "no Secret x"),
    ],
)
async def test_new_pods_that_keep_failing_end_the_wait(
    cluster: ApiServer, connected: Context, waiting: dict[str, str], words: str
) -> None:
    await revisions(cluster, "v1")
    web(cluster)["status"] = NOT_READY
    await pod(cluster, "h1", **waiting)
    error = await refused("scale", connected, name="web", replicas=1)
    assert (error.exit_code, words in str(error)) == (PERMANENT, True)


async def test_an_invalid_image_name_is_not_waited_out(
    cluster: ApiServer, connected: Context, clock: VirtualClock
) -> None:
    await revisions(cluster, "v1")
    web(cluster)["status"] = NOT_READY
    await pod(cluster, "h1", reason="InvalidImageName", message="V1!")
    error = await refused("scale", connected, name="web", replicas=1)
    assert (error.exit_code, "InvalidImageName: V1!" in str(error)) == (PERMANENT, True)
    assert clock.seconds < 1


async def test_pods_of_an_earlier_revision_are_not_blamed(
    cluster: ApiServer, connected: Context
) -> None:
    await revisions(cluster, "v1", "v2")
    web(cluster)["status"] = NOT_READY
    await pod(cluster, "h1", reason="ImagePullBackOff", message="old")
    error = await refused("scale", connected, name="web", replicas=1, timeout="3m")
    assert error.exit_code == FAILED
    assert "is not rolled out after 180 s: 0 of 1 updated replicas are available" in str(error)


async def test_a_quota_that_refuses_pods_is_reported(
    cluster: ApiServer, connected: Context
) -> None:
    await revisions(cluster, "v1")
    failure = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": "exceeded quota: compute",
    }
    web(cluster)["status"] = {**NOT_READY, "conditions": [failure]}
    error = await refused("scale", connected, name="web", replicas=1)
    assert (error.exit_code, "exceeded quota: compute" in str(error)) == (PERMANENT, True)


async def test_a_failure_that_heals_within_its_timeout_is_waited_out(
    cluster: ApiServer, connected: Context, clock: VirtualClock, log: list[str]
) -> None:
    await revisions(cluster, "v1")
    complete = web(cluster)["status"]
    web(cluster)["status"] = NOT_READY
    await pod(cluster, "h1", reason="ErrImagePull", message="timeout")
    passed = clock.sleep

    def sleep(seconds: float) -> None:
        passed(seconds)
        if clock.seconds > 30:
            web(cluster)["status"] = complete

    clock.sleep = sleep  # type: ignore[method-assign]
    assert (await attempt("scale", connected, name="web", replicas=1)).ready == 1
    assert any("ErrImagePull: timeout" in line for line in log)


@pytest.mark.parametrize(
    ("kind", "plural"), [("Deployment", "deployments"), ("StatefulSet", "statefulsets")]
)
async def test_a_workload_is_scaled_once(
    cluster: ApiServer, connected: Context, kind: str, plural: str
) -> None:
    await workload(cluster, plural)
    first = await attempt("scale", connected, kind=kind, name="web", replicas=3, wait=False)
    assert (first.from_replicas, first.to_replicas, first.changed) == (1, 3, True)
    await attempt(
        "scale", another_execution(connected), kind=kind, name="web", replicas=7, wait=False
    )
    assert web(cluster, plural)["spec"]["replicas"] == 7
    again = await attempt(
        "scale", another_execution(connected), kind=kind, name="web", replicas=3, wait=False
    )
    assert (again.from_replicas, again.repeated) == (3, True)
    assert web(cluster, plural)["spec"]["replicas"] == 7


async def test_a_number_as_it_is_is_not_written(cluster: ApiServer, connected: Context) -> None:
    await workload(cluster)
    done = await attempt("scale", connected, name="web", replicas=1)
    assert (done.changed, cluster.bodies) == (False, [])


async def test_another_number_than_expected_is_permanent(
    cluster: ApiServer, connected: Context
) -> None:
    await workload(cluster)
    error = await refused("scale", connected, name="web", replicas=3, currentReplicas=2)
    assert (error.exit_code, str(error)) == (
        PERMANENT,
        "Deployment shop/web has 1 replicas, not 2",
    )
    assert cluster.bodies == []
