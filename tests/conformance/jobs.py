"""Conformance of Jobs and their pods, created as the operator creates them.

The annotations of a pod script its end, as for the development cluster's fake nodes.
"""

from __future__ import annotations

from typing import Any

from orchestrator.jobs.attempt import ExecutionIdentity, NodeJob
from orchestrator.jobs.build import build_job
from orchestrator.jobs.context import INDEX, node_and_attempt
from orchestrator.jobs.evidence import failed_by_itself, has_ended, has_succeeded, terminated
from orchestrator.jobs.fan_out import FanOutJob, build_fan_out
from orchestrator.jobs.fan_out_status import counted
from orchestrator.kube.client import Raw
from orchestrator.kube.resources import EXECUTIONS, JOBS, PODS
from orchestrator.models.labels import EXECUTION_UID
from orchestrator.models.pod import PodSettings
from orchestrator.models.template import TemplateSpec
from tests.conformance.api import Api, execution, refused, until

FAKE = "fake.automation.itechsmart.dev/"
TEMPLATE = TemplateSpec.model_validate(
    {"permanentExitCodes": [64], "action": {"image": "fake:1", "command": ["fake"]}}
)
VERDICTS = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}


async def identity(api: Api) -> ExecutionIdentity:
    """A new execution, which nothing runs."""
    made = await api.create(EXECUTIONS, execution("run"))
    return ExecutionIdentity("run", api.namespace, made["metadata"]["uid"], "flow")


def script(settings: dict[str, str]) -> PodSettings:
    """A pod that ends as told."""
    return PodSettings.model_validate(
        {"annotations": {f"{FAKE}{key}": value for key, value in settings.items()}}
    )


async def start(api: Api, **settings: str) -> str:
    """The Job of an attempt; its name."""
    wanted = NodeJob("node_", 1, 0, {}, 60)
    words = {key.replace("_", "-"): value for key, value in settings.items()}
    manifest = build_job(TEMPLATE, wanted, await identity(api), script(words), "runner")
    return str((await api.create(JOBS, manifest))["metadata"]["name"])


async def fan_out(api: Api, items: int, settings: dict[str, str], **more: Any) -> str:
    """The Indexed Job of a fan-out; its name."""
    fields: dict[str, Any] = {"parallelism": items, "max_failed": 0, "retries": 0} | more
    wanted = FanOutJob("node_", 1, [{}] * items, 60, timeout=None, replace_disrupted=True, **fields)
    built = build_fan_out(TEMPLATE, wanted, await identity(api), script(settings), "runner")
    return str((await api.create(JOBS, built.job))["metadata"]["name"])


async def pods_of(api: Api, job: str) -> list[Raw]:
    """The pods of a Job."""
    selector = f"batch.kubernetes.io/job-name={job}"
    return (await api.client.list(PODS, api.namespace, label_selector=selector))[0]


async def running_pod(api: Api, job: str) -> Raw:
    """The Job's only pod once it runs."""
    pods = await until(
        lambda: pods_of(api, job),
        lambda pods: [pod for pod in pods if pod["status"]["phase"] == "Running"],
    )
    return pods[0]


async def verdict(api: Api, job: str, version: str) -> Raw:
    """The Job once it has ended; until then each verdict follows what announces it."""
    selection = f"metadata.name={job}"
    async with api.following(JOBS, version, field_selector=selection) as watch:
        while True:
            raw: Raw = (await watch.event())["object"]
            said = conditions(raw)
            for final, announced in VERDICTS.items():
                if final in said:
                    assert announced in said, said
                    assert "startTime" in raw["status"]
                    return raw


def conditions(job: Raw) -> dict[str, str]:
    """The conditions that are True, with their reasons."""
    return {
        item["type"]: item.get("reason", "")
        for item in job.get("status", {}).get("conditions") or ()
        if item["status"] == "True"
    }


def exit_code(pod: Raw) -> int:
    """The exit code of its container."""
    return int(pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"])


class Jobs:
    """Run against the fake, and against a real Job controller with fake nodes."""

    async def test_an_indexed_jobs_name_has_room_for_its_largest_index(self, api: Api) -> None:
        wanted = FanOutJob("n" * 63, 1, [{}] * 120, 60, None, 1, 0, 0, replace_disrupted=True)
        built = build_fan_out(TEMPLATE, wanted, await identity(api), None, "runner")
        job = {**built.job, "metadata": {**built.job["metadata"], "name": "n" * 60}}
        with refused(422, "Invalid", "n" * 60):
            await api.create(JOBS, job)
        made = await api.create(JOBS, built.job)
        assert len(made["metadata"]["name"]) <= 63 - len("-9999")

    async def test_a_job_completes_after_its_pod_succeeded(self, api: Api) -> None:
        versions = await api.version(PODS), await api.version(JOBS)
        job = await start(api, message='{"value": 7}')
        pod = await _end_of_pod(api, versions[0])
        assert pod["status"]["phase"] == "Succeeded"
        ended = terminated(pod)
        assert (ended["exitCode"], ended["message"]) == (0, '{"value": 7}')
        assert ended["finishedAt"] >= ended["startedAt"]
        raw = await verdict(api, job, versions[1])
        assert set(conditions(raw)) == {"SuccessCriteriaMet", "Complete"}
        assert raw["status"]["succeeded"] == 1
        assert not raw["status"].get("active")
        assert raw["status"]["completionTime"] >= raw["status"]["startTime"]

    async def test_a_pod_names_its_job_and_carries_our_marks(self, api: Api) -> None:
        name = await start(api, delay="0s")
        job = await api.get(JOBS, name)
        (pod,) = await until(lambda: pods_of(api, name), bool)
        metadata, template = pod["metadata"], job["spec"]["template"]["metadata"]
        labels = metadata["labels"]
        uid = job["metadata"]["uid"]
        assert labels["batch.kubernetes.io/job-name"] == labels["job-name"] == name
        assert labels["batch.kubernetes.io/controller-uid"] == labels["controller-uid"] == uid
        assert labels.items() >= template["labels"].items() - {"controller-uid": uid}.items()
        assert metadata["annotations"].items() >= template["annotations"].items()
        assert node_and_attempt(pod) == ("node_", 1)
        assert metadata["name"].startswith(f"{name}-")
        (owner,) = metadata["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("Job", name, uid)
        assert owner["controller"]
        assert INDEX not in {**labels, **metadata["annotations"]}

    async def test_a_job_of_a_running_pod_counts_it(self, api: Api) -> None:
        job = await start(api, delay="10m")
        await running_pod(api, job)
        raw = await until(lambda: api.get(JOBS, job), lambda raw: raw["status"].get("ready"))
        assert (raw["status"]["active"], raw["status"]["ready"]) == (1, 1)
        assert conditions(raw) == {}

    async def test_a_failed_pod_fails_its_job(self, api: Api) -> None:
        version = await api.version(JOBS)
        job = await start(api, exit_code="3")
        raw = await verdict(api, job, version)
        wanted = dict.fromkeys(("FailureTarget", "Failed"), "BackoffLimitExceeded")
        assert conditions(raw) == wanted
        assert "completionTime" not in raw["status"]
        (pod,) = await pods_of(api, job)
        assert (pod["status"]["phase"], exit_code(pod)) == ("Failed", 3)

    async def test_a_disrupted_pod_fails_its_job_by_our_policy(self, api: Api) -> None:
        version = await api.version(JOBS)
        job = await start(api, delay="10m")
        await _disrupt(api, await running_pod(api, job))
        raw = await verdict(api, job, version)
        wanted = dict.fromkeys(("FailureTarget", "Failed"), "PodFailurePolicy")
        assert conditions(raw) == wanted

    async def test_a_pod_that_is_deleted_fails_before_it_goes(self, api: Api) -> None:
        versions = await api.version(PODS), await api.version(JOBS)
        job = await start(api, delay="10m")
        pod = await running_pod(api, job)
        await api.client.delete(PODS, api.namespace, pod["metadata"]["name"])
        async with api.following(PODS, versions[0]) as watch:
            told = await watch.event()
            while told["object"]["status"]["phase"] != "Failed":
                assert told["type"] != "DELETED"
                told = await watch.event()
            assert "deletionTimestamp" in told["object"]["metadata"]
            while told["type"] != "DELETED":
                told = await watch.event()
        raw = await verdict(api, job, versions[1])
        assert conditions(raw)["Failed"] == "BackoffLimitExceeded"

    async def test_a_deadline_lowered_ends_the_pod_and_leaves_it(self, api: Api) -> None:
        version = await api.version(JOBS)
        job = await start(api, delay="10m")
        name = (await running_pod(api, job))["metadata"]["name"]
        await api.patch(PODS, name, {"spec": {"activeDeadlineSeconds": 1}})
        raw = await verdict(api, job, version)
        assert conditions(raw)["Failed"] == "BackoffLimitExceeded"
        (pod,) = await pods_of(api, job)
        assert (pod["status"]["phase"], pod["status"]["reason"]) == ("Failed", "DeadlineExceeded")

    async def test_a_jobs_own_deadline_removes_its_pods(self, api: Api) -> None:
        version = await api.version(JOBS)
        job = await start(api, delay="10m")
        await running_pod(api, job)
        await api.patch(JOBS, job, {"spec": {"activeDeadlineSeconds": 1}})
        raw = await verdict(api, job, version)
        assert set(conditions(raw).values()) == {"DeadlineExceeded"}
        await until(lambda: pods_of(api, job), lambda pods: pods == [])

    async def test_a_job_that_is_deleted_takes_its_pods_along(self, api: Api) -> None:
        job = await start(api, delay="10m")
        await running_pod(api, job)
        await api.client.delete(JOBS, api.namespace, job, propagation="Background")
        await until(lambda: api.gone(JOBS, job), bool)
        await until(lambda: pods_of(api, job), lambda pods: pods == [])

    async def test_a_job_deleted_without_a_word_leaves_its_pods(self, api: Api) -> None:
        version = await api.version(JOBS)
        job = await start(api)
        await verdict(api, job, version)
        await api.client.delete(JOBS, api.namespace, job)
        await until(lambda: api.gone(JOBS, job), bool)
        pods = await until(
            lambda: pods_of(api, job),
            lambda pods: not any(pod["metadata"].get("ownerReferences") for pod in pods),
        )
        assert len(pods) == 1

    async def test_an_execution_that_is_deleted_takes_jobs_and_pods_along(self, api: Api) -> None:
        job = await start(api, delay="10m")
        await running_pod(api, job)
        await api.client.delete(EXECUTIONS, api.namespace, "run", propagation="Background")
        await until(lambda: api.gone(JOBS, job), bool)
        await until(lambda: pods_of(api, job), lambda pods: pods == [])

    # Fan-outs

    async def test_items_are_counted_by_their_index(self, api: Api) -> None:
        version = await api.version(JOBS)
        job = await fan_out(api, 4, {"exit-code-2": "1"}, max_failed=1)
        raw = await verdict(api, job, version)
        assert counted(raw) == ({0, 1, 3}, {2})
        assert raw["status"]["succeeded"] == 3
        assert set(conditions(raw).values()) == {"FailedIndexes"}
        pods = await pods_of(api, job)
        found = {}
        for pod in pods:
            labels, notes = pod["metadata"]["labels"], pod["metadata"]["annotations"]
            assert labels[INDEX] == notes[INDEX]
            assert pod["metadata"]["name"].startswith(f"{job}-{labels[INDEX]}-")
            found[labels[INDEX]] = pod["status"]["phase"]
        assert found == {"0": "Succeeded", "1": "Succeeded", "2": "Failed", "3": "Succeeded"}

    async def test_a_fan_out_whose_items_all_succeed_is_complete(self, api: Api) -> None:
        version = await api.version(JOBS)
        job = await fan_out(api, 3, {}, parallelism=1)
        raw = await verdict(api, job, version)
        assert counted(raw) == ({0, 1, 2}, set())
        assert "Complete" in conditions(raw)

    async def test_one_failure_too_many_stops_the_others(self, api: Api) -> None:
        version = await api.version(JOBS)
        settings = {"delay": "10m", "delay-1": "0s", "exit-code-1": "1"}
        job = await fan_out(api, 3, settings)
        raw = await verdict(api, job, version)
        assert set(conditions(raw).values()) == {"MaxFailedIndexesExceeded"}
        assert counted(raw) == (set(), {1})

    async def test_an_item_that_failed_is_tried_again(self, api: Api) -> None:
        version = await api.version(JOBS)
        settings = {"exit-code-1": "1,0", "sequence-1": "one"}
        job = await fan_out(api, 2, settings, retries=1)
        raw = await verdict(api, job, version)
        assert counted(raw) == ({0, 1}, set())
        assert "Complete" in conditions(raw)
        codes = [
            exit_code(pod)
            for pod in await pods_of(api, job)
            if pod["metadata"]["labels"][INDEX] == "1"
        ]
        assert sorted(codes) == [0, 1]

    async def test_an_item_that_failed_for_good_is_not(self, api: Api) -> None:
        version = await api.version(JOBS)
        job = await fan_out(api, 2, {"exit-code-1": "64"}, retries=3, max_failed=1)
        raw = await verdict(api, job, version)
        assert counted(raw) == ({0}, {1})
        assert len(await pods_of(api, job)) == 2

    async def test_a_disrupted_item_is_replaced_uncounted(self, api: Api) -> None:
        version = await api.version(JOBS)
        settings = {"delay": "5s", "sequence": "all"}
        job = await fan_out(api, 1, settings)
        await _disrupt(api, await running_pod(api, job))
        raw = await verdict(api, job, version)
        assert counted(raw) == ({0}, set())
        assert "Complete" in conditions(raw)


class KubeletStages:
    """What a kubelet shows of a pod's end; run against the fake, and against fake nodes."""

    async def test_the_end_of_a_container_is_seen_before_that_of_its_pod(self, api: Api) -> None:
        versions = await api.version(PODS), await api.version(JOBS)
        job = await start(api, stages="true", delay="1s", message='{"value": 7}')
        seen = await _end_of_pod(api, versions[0])
        assert seen["status"]["phase"] == "Running"
        assert (terminated(seen)["exitCode"], has_succeeded(seen)) == (0, True)
        await verdict(api, job, versions[1])
        (pod,) = await pods_of(api, job)
        assert pod["status"]["phase"] == "Succeeded"
        assert terminated(pod)["finishedAt"] == terminated(seen)["finishedAt"]

    async def test_a_failure_is_seen_before_its_phase_too(self, api: Api) -> None:
        version = await api.version(PODS)
        await start(api, stages="true", delay="1s", exit_code="3")
        seen = await _end_of_pod(api, version)
        assert seen["status"]["phase"] == "Running"
        assert failed_by_itself(seen)

    async def test_a_container_that_has_ended_does_not_start_again(self, api: Api) -> None:
        version = await api.version(JOBS)
        job = await start(api)
        await verdict(api, job, version)
        (pod,) = await pods_of(api, job)
        ended = pod["status"]["containerStatuses"][0]
        running = {"running": {"startedAt": terminated(pod)["startedAt"]}}
        status = {"containerStatuses": [{**ended, "state": running}]}
        with refused(422, "Invalid", "non-terminated"):
            await api.patch(PODS, pod["metadata"]["name"], {"status": status}, "status")


async def _end_of_pod(api: Api, version: str) -> Raw:
    """The first pod to show an end, as the operator watches for it."""
    selection = {"label_selector": EXECUTION_UID, "in_part": True, "only_ends": True}
    async with api.following(PODS, version, **selection) as watch:
        while True:
            raw: Raw = (await watch.event())["object"]
            if has_ended(raw):
                return raw


async def _disrupt(api: Api, pod: Raw) -> None:
    """What an eviction does: it says so in the pod's conditions, and deletes the pod."""
    name = pod["metadata"]["name"]
    target = {
        "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
        "lastTransitionTime": pod["status"]["startTime"],  # an old one is taken back
    }  # fmt: skip
    status = {"conditions": [*(pod["status"].get("conditions") or ()), target]}
    await api.patch(PODS, name, {"status": status}, "status")
    await api.client.delete(PODS, api.namespace, name)
