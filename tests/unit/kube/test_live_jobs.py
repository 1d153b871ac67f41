"""The Jobs of executions that end together are asked for together."""

from __future__ import annotations

import asyncio

from orchestrator.kube.client import ApiClient
from orchestrator.kube.errors import ApiError
from orchestrator.kube.live_jobs import LiveJobs
from orchestrator.kube.resources import JOBS
from orchestrator.models.labels import EXECUTION_UID
from tests.apiserver import ApiServer, busy


async def make_job(client: ApiClient, name: str, uid: str, namespace: str = "a") -> None:
    metadata = {"name": name, "namespace": namespace, "labels": {EXECUTION_UID: uid}}
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {}}
    await client.create(JOBS, namespace, body)


async def names(live: LiveJobs, uid: str) -> list[str]:
    return sorted(job["metadata"]["name"] for job in await live.of("a", uid))


async def test_each_gets_its_own_and_lists_are_few(client: ApiClient) -> None:
    for number in range(120):
        await make_job(client, f"job-{number}", f"uid-{number % 60}")
    await make_job(client, "elsewhere", "uid-1", "b")
    before = client.requests["list", "jobs"]
    live = LiveJobs(client, ())
    answers = await asyncio.gather(*(names(live, f"uid-{number}") for number in range(70)))
    for number in range(60):
        assert answers[number] == sorted([f"job-{number}", f"job-{number + 60}"])
    assert answers[60:] == [[]] * 10
    assert client.requests["list", "jobs"] == before + 2


async def test_who_asks_while_a_list_is_under_way_gets_one_that_began_later(
    client: ApiClient,
) -> None:
    live = LiveJobs(client, ())
    first = asyncio.create_task(names(live, "one"))
    await asyncio.sleep(0)
    await make_job(client, "late", "two")
    assert await names(live, "two") == ["late"]
    assert await first == []


async def test_the_more_jobs_there_are_the_longer_lists_are_apart(client: ApiClient) -> None:
    live = LiveJobs(client, range(1000))
    await names(live, "one")
    before = asyncio.get_running_loop().time()
    await names(live, "two")
    assert asyncio.get_running_loop().time() - before >= 0.29


async def test_an_error_reaches_every_caller_and_the_next_call_lists_again(
    server: ApiServer, client: ApiClient
) -> None:
    live = LiveJobs(client, ())
    server.faults.append(busy("3600"))
    answers = await asyncio.gather(
        *(live.of("a", f"uid-{number}") for number in range(3)), return_exceptions=True
    )
    assert [answer.status for answer in answers if isinstance(answer, ApiError)] == [429] * 3
    assert await live.of("a", "uid-1") == []
