"""The client and the reflector against the real API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.controller.informers import NOT_ENDED
from orchestrator.kube.cache import Cache
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.reflector import Reflector
from orchestrator.kube.resources import EVENTS, EXECUTIONS, Resource
from orchestrator.models.reasons import EventReason
from orchestrator.process.recorder import Recorder
from tests.kube import Kubectl, execution

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")


@pytest.fixture
async def client(kubeconfig: Path) -> AsyncIterator[ApiClient]:
    async with ApiClient.from_environment(str(kubeconfig)) as client:
        yield client


def config_map(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "data": {"n": "0"}}


async def test_pages_make_one_list(client: ApiClient, kubectl: Kubectl) -> None:
    names = [f"map-{number:02}" for number in range(12)]
    await asyncio.gather(
        *(
            client.create(CONFIG_MAPS, kubectl.namespace, config_map(name, mine="yes"))
            for name in names
        )
    )
    pages = [
        [item["metadata"]["name"] for item in page["items"]]
        async for page in client.pages(
            CONFIG_MAPS, kubectl.namespace, label_selector="mine", limit=5
        )
    ]
    assert [len(page) for page in pages] == [5, 5, 2]
    assert sorted(name for page in pages for name in page) == names


async def test_guards_hold(client: ApiClient, kubectl: Kubectl) -> None:
    made = await client.create(CONFIG_MAPS, kubectl.namespace, config_map("x"))
    patched = await client.patch(
        CONFIG_MAPS, kubectl.namespace, "x", {"data": {"n": "1"}}, metadata_only=True
    )
    assert patched["kind"] == "PartialObjectMetadata"
    assert "data" not in patched
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "data": {}}
    with pytest.raises(ApiError) as conflict:
        await client.patch(CONFIG_MAPS, kubectl.namespace, "x", stale)
    assert (conflict.value.status, conflict.value.reason) == (409, "Conflict")
    with pytest.raises(ApiError) as other:
        await client.delete(CONFIG_MAPS, kubectl.namespace, "x", uid="another")
    assert other.value.status == 409
    with pytest.raises(ApiError) as taken:
        await client.create(CONFIG_MAPS, kubectl.namespace, config_map("x"))
    assert taken.value.reason == "AlreadyExists"


async def test_an_apply_is_repeatable(client: ApiClient, kubectl: Kubectl) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", **config_map("x")}
    first = await client.apply(CONFIG_MAPS, kubectl.namespace, manifest, field_manager="tests")
    again = await client.apply(CONFIG_MAPS, kubectl.namespace, manifest, field_manager="tests")
    assert first["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]


async def test_an_execution_that_ends_leaves_the_cache(client: ApiClient, kubectl: Kubectl) -> None:
    seen: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    cache = Cache()
    reflector = Reflector(
        client,
        EXECUTIONS,
        cache,
        namespaces=[kubectl.namespace],
        field_selector=NOT_ENDED,
        on_event=lambda kind, raw, _: seen.put_nowait((kind, raw["metadata"]["name"])),
    )
    task = asyncio.create_task(reflector.run())
    async with asyncio.timeout(30):
        await reflector.synced.wait()
        await client.create(EXECUTIONS, kubectl.namespace, execution("w", "x"))
        assert await seen.get() == ("ADDED", "x")
        status = {"status": {"phase": "Succeeded"}}
        await client.patch(EXECUTIONS, kubectl.namespace, "x", status, subresource="status")
        assert await seen.get() == ("DELETED", "x")
    assert len(cache) == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_api_server_takes_our_events(client: ApiClient, kubectl: Kubectl) -> None:
    recorder = Recorder(client, lambda: 1_800_000_000.25)
    about = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": kubectl.namespace}
    recorder.emit({**about, "name": "x", "uid": "u"}, EventReason.STRAY_JOB, "it is odd")
    task = asyncio.create_task(recorder.run())
    await recorder.flush(20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert recorder.dropped == 0
    events, _ = await client.list(
        EVENTS, kubectl.namespace, field_selector="involvedObject.uid=u,reason=StrayJob"
    )
    assert [event["message"] for event in events] == ["it is odd"]
