"""The client against a server that behaves."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import CLUSTER_TEMPLATES, EXECUTIONS, JOBS, PODS
from orchestrator.kube.semaphore import Priority, PrioritySemaphore
from tests.apiserver import ApiServer, busy, starting


def test_paths_follow_the_api_conventions() -> None:
    assert PODS.path("a", "b") == "/api/v1/namespaces/a/pods/b"
    assert JOBS.path(None) == "/apis/batch/v1/jobs"
    assert CLUSTER_TEMPLATES.path(None, "x", "status") == (
        "/apis/automation.itechsmart.dev/v1alpha1/clustertemplates/x/status"
    )


async def test_an_object_is_created_read_patched_and_deleted(
    client: ApiClient,
) -> None:
    made = await client.create(JOBS, "a", {"metadata": {"name": "x"}, "spec": {"n": 1}})
    await client.patch(JOBS, "a", "x", {"status": {"active": 1}}, subresource="status")
    read = await client.get(JOBS, "a", "x")
    assert read["status"] == {"active": 1}
    await client.delete(JOBS, "a", "x", uid=made["metadata"]["uid"], propagation="Background")
    with pytest.raises(ApiError) as caught:
        await client.get(JOBS, "a", "x")
    assert (caught.value.status, caught.value.reason) == (404, "NotFound")
    assert client.requests["create", "jobs"] == 1


async def test_a_list_is_read_in_pages(server: ApiServer, client: ApiClient) -> None:
    server.page_limit = 2
    for number in range(5):
        await server.put("jobs", "a", f"job-{number}")
    items, version = await client.list(JOBS)
    assert [item["metadata"]["name"] for item in items] == [f"job-{n}" for n in range(5)]
    assert version == str(server.version)
    assert client.requests["list", "jobs"] == 3


async def test_a_stale_version_is_a_conflict(server: ApiServer, client: ApiClient) -> None:
    old = await server.put("workflowexecutions", "a", "x", status={})
    await server.put("workflowexecutions", "a", "x", status={"phase": "Running"})
    body = {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}, "status": {}}
    with pytest.raises(ApiError) as caught:
        await client.patch(EXECUTIONS, "a", "x", body, subresource="status")
    assert (caught.value.status, caught.value.reason) == (409, "Conflict")


async def test_metadata_alone_can_be_asked_for(server: ApiServer, client: ApiClient) -> None:
    await server.put("jobs", "a", "x", spec={"large": True})
    assert "spec" not in await client.get(JOBS, "a", "x", metadata_only=True)


async def test_a_delete_is_refused_when_the_object_is_another(
    server: ApiServer, client: ApiClient
) -> None:
    await server.put("jobs", "a", "x")
    with pytest.raises(ApiError) as caught:
        await client.delete(JOBS, "a", "x", uid="somebody-else")
    assert caught.value.status == 409


async def test_a_busy_server_is_asked_again(server: ApiServer, client: ApiClient) -> None:
    server.faults.extend([busy(), busy(), busy(code=503)])
    await server.put("jobs", "a", "x")
    assert (await client.get(JOBS, "a", "x"))["metadata"]["name"] == "x"


async def test_a_creation_is_sent_again_only_when_it_was_surely_not_taken(
    server: ApiServer, client: ApiClient
) -> None:
    server.faults.append(busy())
    await client.create(JOBS, "a", {"metadata": {"name": "x"}})
    server.faults.append(busy(code=503))
    with pytest.raises(ApiError) as caught:
        await client.create(JOBS, "a", {"metadata": {"name": "y"}})
    assert caught.value.status == 503
    assert caught.value.transient


async def test_what_a_starting_server_refuses_is_sent_again_and_a_quota_is_not(
    server: ApiServer, client: ApiClient
) -> None:
    server.faults.extend([starting(), starting("not yet ready to handle request")])
    await client.create(JOBS, "a", {"metadata": {"name": "x"}})
    assert client.requests["create", "jobs"] == 3
    server.faults.append(starting("exceeded quota: none"))
    with pytest.raises(ApiError) as caught:
        await client.create(JOBS, "a", {"metadata": {"name": "y"}})
    assert caught.value.status == 403
    assert client.requests["create", "jobs"] == 4


async def test_a_long_wait_is_given_to_the_caller(server: ApiServer, client: ApiClient) -> None:
    server.faults.append(busy("3600"))
    with pytest.raises(ApiError) as caught:
        await client.get(JOBS, "a", "x")
    assert caught.value.retry_after == 3600


async def test_a_watch_yields_what_happens(server: ApiServer, client: ApiClient) -> None:
    _, version = await client.list(JOBS)
    await server.put("jobs", "a", "x", metadata={"labels": {"mine": "yes"}})
    await server.put("jobs", "a", "other")
    await server.remove("jobs", "a", "x")
    seen = []
    async for event in client.watch(JOBS, resource_version=version, label_selector="mine"):
        seen.append((event["type"], event["object"]["metadata"]["name"]))
        if event["type"] == "DELETED":
            break
    assert seen == [("ADDED", "x"), ("DELETED", "x")]


async def test_an_expired_version_is_an_error(server: ApiServer, client: ApiClient) -> None:
    await server.compact()
    with pytest.raises(ApiError) as caught:
        async for _ in client.watch(JOBS, resource_version="1"):
            pass
    assert caught.value.status == 410


async def test_urgent_requests_go_before_others() -> None:
    semaphore = PrioritySemaphore(1)
    order: list[Priority] = []

    async def request(priority: Priority) -> None:
        async with semaphore.acquired(priority):
            order.append(priority)

    async with semaphore.acquired(Priority.NORMAL):
        tasks = [
            asyncio.create_task(request(priority))
            for priority in (Priority.BACKGROUND, Priority.NORMAL, Priority.URGENT)
        ]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert order == [Priority.URGENT, Priority.NORMAL, Priority.BACKGROUND]


async def test_a_cancelled_request_gives_its_place_back() -> None:
    semaphore = PrioritySemaphore(1)
    async with semaphore.acquired(Priority.NORMAL):
        waiting = asyncio.create_task(semaphore._acquire(Priority.NORMAL))
        await asyncio.sleep(0)
        waiting.cancel()
    async with asyncio.timeout(1), semaphore.acquired(Priority.NORMAL):
        pass


async def test_each_request_is_timed_by_its_verb_answered_or_not(
    server: ApiServer, client: ApiClient
) -> None:
    timed: list[str] = []

    def on_answer(verb: str, seconds: float) -> None:
        assert seconds >= 0
        timed.append(verb)

    client.time_requests(on_answer)
    server.faults.append(busy())
    await client.list(JOBS)
    with pytest.raises(ApiError):
        await client.get(JOBS, "a", "x")
    assert timed == ["list", "list", "get"]
