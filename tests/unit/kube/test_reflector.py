"""The reflector against a server that behaves, and misbehaves as servers do."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from orchestrator.kube.access import Access
from orchestrator.kube.cache import Cache, IndexedCache, Jobs, Pods
from orchestrator.kube.client import ApiClient
from orchestrator.kube.credentials import Credentials
from orchestrator.kube.reflector import Reflector
from orchestrator.kube.resources import EXECUTIONS, JOBS
from orchestrator.kube.transport import Transport
from orchestrator.models.labels import EXECUTION_UID
from tests.apiserver import ApiServer, busy


class Seen:
    """What callbacks reported, and a way to wait for it."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self._changed = asyncio.Event()

    def __call__(self, kind: str, raw: dict[str, Any], _: dict[str, Any] | None) -> None:
        self.events.append((kind, raw["metadata"]["name"]))
        self._changed.set()

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not done():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def following(reflector: Reflector) -> AsyncIterator[None]:
    task = asyncio.create_task(reflector.run())
    try:
        async with asyncio.timeout(60):
            await reflector.synced.wait()
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


async def test_it_lists_and_then_follows(server: ApiServer, client: ApiClient) -> None:
    await server.put("jobs", "a", "old")
    cache, seen = Cache(), Seen()
    async with following(Reflector(client, JOBS, cache, on_event=seen)):
        assert cache.get("a", "old")
        await server.put("jobs", "a", "new")
        await server.put("jobs", "a", "new", status={"active": 1})
        await server.remove("jobs", "a", "old")
        await seen.until(lambda: len(seen.events) == 4)
    assert seen.events == [
        ("ADDED", "old"),
        ("ADDED", "new"),
        ("MODIFIED", "new"),
        ("DELETED", "old"),
    ]
    assert [raw["status"] for raw in cache] == [{"active": 1}]


async def test_what_went_during_a_gap_is_deleted(server: ApiServer, client: ApiClient) -> None:
    await server.put("jobs", "a", "gone")
    await server.put("jobs", "a", "kept")
    cache, seen = Cache(), Seen()
    async with following(Reflector(client, JOBS, cache, on_event=seen, sleep=no_sleep)):
        await server.remove("jobs", "a", "gone")
        await seen.until(lambda: ("DELETED", "gone") in seen.events)
        # Now in the dark: the versions that the watch knows are gone before it comes back.
        server.objects.pop(("jobs", "a", "kept"))
        server.version += 1
        await server.compact()
        await seen.until(lambda: ("DELETED", "kept") in seen.events)
    assert len(cache) == 0


async def test_a_broken_watch_goes_on_where_it_was(server: ApiServer, client: ApiClient) -> None:
    cache, seen = Cache(), Seen()
    async with following(Reflector(client, JOBS, cache, on_event=seen, sleep=no_sleep)):
        await server.put("jobs", "a", "first")
        await seen.until(lambda: bool(seen.events))
        await server.break_watches()
        await server.put("jobs", "a", "second")
        await seen.until(lambda: len(seen.events) == 2)
    assert seen.events == [("ADDED", "first"), ("ADDED", "second")]
    assert client.requests["list", "jobs"] == 1


async def test_a_silent_watch_is_not_trusted(server: ApiServer, client: ApiClient) -> None:
    # As after a restore of etcd: the server waits for a version that is still to come.
    transport = Transport(client.credentials, silence=0.05)
    quiet, cache, seen = ApiClient(client.credentials, transport), Cache(), Seen()
    async with quiet, following(Reflector(quiet, JOBS, cache, on_event=seen, sleep=no_sleep)):
        metadata = {"name": "unseen", "namespace": "a", "resourceVersion": "1"}
        server.objects["jobs", "a", "unseen"] = {"metadata": metadata}
        await seen.until(lambda: ("ADDED", "unseen") in seen.events)


class _NoWatches(ApiServer):
    """Lists, and refuses every watch."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self._code = code

    async def answer(self, request: web.Request) -> web.StreamResponse:
        refused = bool(request.query.get("watch"))
        return busy(code=self._code) if refused else await super().answer(request)


@pytest.mark.parametrize("code", [403, 500])
async def test_a_watch_that_always_fails_is_retried_ever_more_rarely_and_reported(
    code: int, caplog: pytest.LogCaptureFixture
) -> None:
    server, waits = _NoWatches(code), list[float]()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    async with (
        ApiClient(Credentials(Access(await server.start()))) as client,
        following(reflector := Reflector(client, JOBS, Cache(), sleep=sleep)),
        asyncio.timeout(60),
    ):
        while len(waits) < 6:  # noqa: ASYNC110 (each wait is one failure)
            await asyncio.sleep(0.01)
        assert reflector.failures == len(waits)
    await server.stop()
    assert waits[5] > 2.0
    assert "watch of jobs failed" in caplog.text


async def test_what_leaves_the_selection_leaves_the_cache(
    server: ApiServer, client: ApiClient
) -> None:
    await server.put("workflowexecutions", "a", "x", status={"phase": "Running"})
    cache, seen = Cache(), Seen()
    reflector = Reflector(
        client, EXECUTIONS, cache, field_selector="status.phase!=Succeeded", on_event=seen
    )
    async with following(reflector):
        await server.put("workflowexecutions", "a", "x", status={"phase": "Succeeded"})
        await seen.until(lambda: ("DELETED", "x") in seen.events)
    assert len(cache) == 0


async def test_only_the_namespaces_asked_for_are_followed(
    server: ApiServer, client: ApiClient
) -> None:
    for namespace in ("a", "b", "c"):
        await server.put("jobs", namespace, "x")
    cache = Cache()
    async with following(Reflector(client, JOBS, cache, namespaces=["a", "b"])):
        assert sorted(cache.known()) == [("a", "x"), ("b", "x")]


async def test_a_bookmark_is_a_sign_of_life(server: ApiServer, client: ApiClient) -> None:
    times = iter([10.0, 10.0, 10.0, 70.0, 80.0])
    heard = asyncio.Event()

    def monotonic() -> float:
        time = next(times, 80.0)
        if time == 80.0:
            heard.set()
        return time

    reflector = Reflector(client, JOBS, Cache(), monotonic=monotonic)
    assert reflector.silence == float("inf")
    async with following(reflector):
        await server.bookmark("jobs")
        await server.bookmark("jobs")
        async with asyncio.timeout(60):
            await heard.wait()
        assert reflector.silence == 0.0


async def test_a_watch_that_falls_silent_is_reported(server: ApiServer, client: ApiClient) -> None:
    reported = asyncio.Event()
    patient = ApiClient(client.credentials, Transport(client.credentials, silence=0.05))
    async with patient, following(Reflector(patient, JOBS, Cache(), on_silence=reported.set)):
        async with asyncio.timeout(60):
            await reported.wait()
    assert server.watched


def job(name: str, uid: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "a", "name": name, "labels": {EXECUTION_UID: uid}}}


def test_jobs_are_found_by_their_execution() -> None:
    jobs = Jobs()
    jobs.put(job("x", "1"))
    jobs.put(job("y", "1"))
    jobs.put(job("y", "2"))
    jobs.remove(("a", "x"))
    assert jobs.by_execution("a", "1") == {}
    assert list(jobs.by_execution("a", "2")) == ["y"]
    assert jobs.by_execution("b", "2") == {}


def test_objects_without_the_label_are_in_no_group() -> None:
    cache = IndexedCache("color")
    cache.put({"metadata": {"namespace": "a", "name": "x"}})
    assert list(cache.labelled("")) == []


def pod(name: str, job: str) -> dict[str, Any]:
    owners = [{"uid": job, "controller": True}]
    return {"metadata": {"namespace": "a", "name": name, "ownerReferences": owners}}


def test_an_ended_pod_is_better_evidence_than_a_pending_one() -> None:
    pods = Pods()
    pods.replace_pending([pod("waits", "x"), pod("waits-too", "y")])
    pods.put(pod("ended", "x"))
    assert [raw["metadata"]["name"] for raw in pods.by_job("a", "x")] == ["ended"]
    assert [raw["metadata"]["name"] for raw in pods.by_job("a", "y")] == ["waits-too"]
    assert pods.any_ended("a", "x")
    assert not pods.any_ended("a", "y")


@pytest.mark.parametrize(
    "owners",
    [
        [],
        [{"uid": "x"}],
        [{"uid": "x", "controller": False}],
        [{"uid": "x"}, {"uid": "z", "controller": True}],
    ],
)
def test_a_pod_that_the_job_does_not_control_is_none_of_its(owners: list[dict[str, Any]]) -> None:
    pods = Pods()
    forged = pod("forged", "x")
    forged["metadata"] |= {
        "ownerReferences": owners,
        "labels": {"batch.kubernetes.io/job-name": "x"},
    }
    pods.put(forged)
    pods.replace_pending([forged])
    assert pods.by_job("a", "x") == []


def test_an_owner_in_another_namespace_is_none() -> None:
    pods = Pods()
    pods.put(pod("ended", "x"))
    assert pods.by_job("b", "x") == []


async def test_an_older_event_undoes_no_newer_version(server: ApiServer, client: ApiClient) -> None:
    await server.put("jobs", "a", "x")
    cache = Cache()
    reflector = Reflector(client, JOBS, cache)
    async with following(reflector):
        written = await server.put("jobs", "a", "x", status={"active": 1})
        newer = copy.deepcopy(written)
        newer["metadata"]["resourceVersion"] = str(int(written["metadata"]["resourceVersion"]) + 9)
        newer["status"] = {"active": 2}
        cache.put(newer)
        reflector._take(None, {"type": "MODIFIED", "object": written})
        assert (cache.get("a", "x") or {})["status"] == {"active": 2}
        recreated = copy.deepcopy(written)
        recreated["metadata"]["uid"] = "another"
        reflector._take(None, {"type": "MODIFIED", "object": recreated})
        assert (cache.get("a", "x") or {})["metadata"]["uid"] == "another"


def test_a_job_whose_owner_is_changed_is_found_by_the_new_one_only() -> None:
    jobs = Jobs()
    for name in ("old", "new"):
        changed = job("x", "1")
        owner = {"kind": "WorkflowExecution", "name": name, "uid": "u"}
        changed["metadata"]["ownerReferences"] = [owner]
        jobs.put(changed)
    assert jobs.of_execution("a", "old") == []
    assert len(jobs.of_execution("a", "new")) == 1
    jobs.remove(("a", "x"))
    assert jobs._named == {}
