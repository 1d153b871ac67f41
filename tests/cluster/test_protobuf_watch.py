"""Watches of Jobs and pods in protobuf, beside the same ones in JSON, on a real API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from orchestrator.jobs.attempt import ExecutionIdentity, NodeJob
from orchestrator.jobs.build import build_job
from orchestrator.jobs.evidence import has_ended, terminated
from orchestrator.jobs.fan_out import FanOutJob, build_fan_out
from orchestrator.kube.client import ApiClient, Raw
from orchestrator.kube.projection import project_job, project_pod
from orchestrator.kube.resources import JOBS, PODS, Resource
from tests.conformance.api import Api, until
from tests.conformance.jobs import (
    TEMPLATE,
    identity,
    pods_of,
    running_pod,
    script,
    start,
    verdict,
)
from tests.kube import Kubectl

KINDS: list[tuple[Resource, Callable[[Raw], Raw]]] = [(JOBS, project_job), (PODS, project_pod)]


@pytest.fixture
async def api(kubectl: Kubectl) -> AsyncIterator[Api]:
    async with ApiClient.from_environment(str(kubectl.kubeconfig)) as client:
        yield Api(client, kubectl.namespace)
        await asyncio.sleep(0.1)  # watches that were left are closed in the loop's next turns


async def _observed(
    api: Api, resource: Resource, version: str, last: str, *, in_part: bool
) -> list[Raw]:
    """The events from a version on, up to the one of the version `last`."""
    events: list[Raw] = []
    watch = api.client.watch(
        resource, api.namespace, resource_version=version, in_part=in_part, timeout_seconds=10
    )
    async for event in watch:
        if event["type"] != "BOOKMARK":
            events.append(event)
            if event["object"]["metadata"]["resourceVersion"] == last:
                return events
    raise AssertionError(f"{last} was never observed: {len(events)} events")


async def test_an_event_says_the_same_in_both_encodings(api: Api) -> None:
    versions = {resource: await api.version(resource) for resource, _ in KINDS}
    begin = await api.version(JOBS)
    who = await identity(api)
    ended = [
        await _job(api, who, "good", {"message": '{"size": 3}'}),
        await _job(api, who, "bad", {"exit-code": "3", "message": "it \u2014 broke"}),
        await _fan_out(api, who, "all-good", {"exit-code": "0"}),
        await _fan_out(api, who, "all-bad", {"exit-code": "1"}),
    ]
    for job in ended:
        await verdict(api, job, begin)
    stopped = await _job(api, who, "stopped", {"delay": "10m"})
    pod = (await running_pod(api, stopped))["metadata"]["name"]
    await api.client.delete(PODS, api.namespace, pod, grace_period=1)
    await until(lambda: pods_of(api, stopped), lambda pods: pod not in map(_name, pods))
    await running_pod(api, await _job(api, who, "last", {"delay": "10m"}))
    for resource, project in KINDS:
        items, _ = await api.client.list(resource, api.namespace)
        last = max((item["metadata"]["resourceVersion"] for item in items), key=int)
        whole, part = [
            await _observed(api, resource, versions[resource], last, in_part=in_part)
            for in_part in (False, True)
        ]
        assert len(whole) > 10
        assert [_projected(event, project) for event in part] == [
            _projected(event, project) for event in whole
        ]


async def _job(api: Api, who: ExecutionIdentity, node: str, settings: dict[str, str]) -> str:
    wanted = NodeJob(node, 1, 0, {}, 60)
    manifest = build_job(TEMPLATE, wanted, who, script(settings), "runner")
    return str((await api.create(JOBS, manifest))["metadata"]["name"])


async def _fan_out(api: Api, who: ExecutionIdentity, node: str, settings: dict[str, str]) -> str:
    wanted = FanOutJob(node, 1, [{}] * 3, 60, None, 3, 0, 0, replace_disrupted=True)
    built = build_fan_out(TEMPLATE, wanted, who, script(settings), "runner")
    return str((await api.create(JOBS, built.job))["metadata"]["name"])


def _name(raw: Raw) -> Any:
    return raw["metadata"]["name"]


def _projected(event: Raw, project: Callable[[Raw], Raw]) -> tuple[str, Any]:
    return event["type"], _said(project(event["object"]))


def _said(value: Any) -> Any:
    """Without the nulls that JSON has for times that are not set."""
    if isinstance(value, dict):
        return {key: _said(part) for key, part in value.items() if part is not None}
    return [_said(part) for part in value] if isinstance(value, list) else value


async def test_of_pods_that_show_no_end_only_the_version_is_read(api: Api) -> None:
    version = await api.version(PODS)
    job = await start(api, exit_code="7", delay="2s")
    await verdict(api, job, await api.version(JOBS))
    (pod,) = await pods_of(api, job)
    last = pod["metadata"]["resourceVersion"]
    whole = await _observed(api, PODS, version, last, in_part=False)
    async with asyncio.timeout(60):
        watch = api.client.watch(
            PODS, api.namespace, resource_version=version, in_part=True, only_ends=True
        )
        ends = [await anext(watch) for _ in whole]
    for full, short in zip(whole, ends, strict=True):
        if has_ended(full["object"]):
            assert _projected(short, project_pod) == _projected(full, project_pod)
        else:
            assert short["type"] == "BOOKMARK"
        versions = [each["object"]["metadata"]["resourceVersion"] for each in (full, short)]
        assert versions[0] == versions[1]
    assert [has_ended(event["object"]) for event in whole].count(True) >= 1
    assert terminated(ends[-1]["object"])["exitCode"] == 7
