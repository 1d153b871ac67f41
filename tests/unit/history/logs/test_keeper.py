"""Logs of pods are kept, whatever breaks off, ends or is deleted at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from orchestrator.history import recorder as recorder_module
from orchestrator.history.logs import keeper, log_store, pod_log_reader
from orchestrator.history.logs import logs as module
from orchestrator.history.logs.extent import Limit
from orchestrator.history.logs.kept_log import KeptLog
from orchestrator.history.logs.log_store import LogStore
from orchestrator.history.logs.logs import LogOptions, Logs
from orchestrator.history.recorder import HistoryRecorder
from orchestrator.history.store import Store
from orchestrator.kube.access import Access
from orchestrator.kube.client import ApiClient
from orchestrator.kube.credentials import Credentials
from orchestrator.process import backoff
from tests.unit.history.executions import ended, record
from tests.unit.history.logs.pods import UID, PodServer, unreachable
from tests.unit.history.test_recorder import marked, put, recording, until

ENDED = ended("run", nodes={"check": {**record("Succeeded", 1_800_000_000, 5), "job": "j"}})


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries without long pauses, and few follows."""
    monkeypatch.setattr(backoff, "MAX_SECONDS", 0.05)
    monkeypatch.setattr(recorder_module, "RETENTION_SECONDS", 0.05)
    monkeypatch.setattr(log_store, "FLUSH_SECONDS", 0.05)
    monkeypatch.setattr(pod_log_reader, "STATUS_SECONDS", 0.05)
    monkeypatch.setattr(keeper, "MAX_FOLLOWS", 3)
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.05)


@pytest.fixture
async def server() -> AsyncIterator[PodServer]:
    server = PodServer()
    yield server
    await server.stop()


@pytest.fixture
async def client(server: PodServer) -> AsyncIterator[ApiClient]:
    access = Access(await server.start())
    async with ApiClient(Credentials(access)) as client:
        yield client


def recorder_of(
    client: ApiClient, store: Store, registry: CollectorRegistry | None = None
) -> HistoryRecorder:
    registry = registry or CollectorRegistry()
    options = LogOptions(Limit(100_000, 100_000))
    logs = Logs(client, LogStore(store.engine), options, registry)
    return HistoryRecorder(client, store, logs=logs, registry=registry)


async def kept(store: Store) -> dict[str, KeptLog]:
    found = await LogStore(store.engine).of_execution(UID, "shop")
    return {each.identity.pod: each for each in found}


async def lines(store: Store, pod: str) -> list[bytes]:
    logs = LogStore(store.engine)
    log = (await kept(store))[pod]
    chunks = await logs.chunks(log.identity.pod_uid)
    texts = [await logs.text(log.identity, each.number) for each in chunks]
    return b"".join(text or b"" for text in texts).splitlines()


def written(server: PodServer, pod: str) -> list[bytes]:
    return [line for _, line in server.lines[pod]]


async def outcome(store: Store, pod: str) -> str:
    found = (await kept(store)).get(pod)
    return "" if found is None else found.state.outcome


async def test_a_pod_that_is_deleted_at_once_leaves_its_whole_log(
    server: PodServer, client: ApiClient, store: Store
) -> None:
    registry = CollectorRegistry()
    async with recording(recorder_of(client, store, registry)):
        await server.run("a", "deploy", 2)
        await until(lambda: server.followed == 1)
        await server.write("a", *map(str, range(30)))
        await until(lambda: "log_read_bytes_total 0.0" not in generate_latest(registry).decode())
        await server.end("a", 1, "deploy", 2)
        await server.delete("a")

        async def complete() -> bool:
            return await outcome(store, "a") == "Complete"

        await until(complete)
        text = generate_latest(registry).decode()
    assert await lines(store, "a") == written(server, "a")
    found = (await kept(store))["a"]
    assert (found.identity.node, found.identity.attempt) == ("deploy", 2)
    assert found.state.failed
    assert 'history_logs_kept_total{outcome="Complete"} 1.0' in text


async def test_no_line_twice_and_none_missing_whatever_is_killed(
    server: PodServer, client: ApiClient, store: Store
) -> None:
    rng = random.Random(11)
    pods = [f"p{number}" for number in range(8)]
    for pod in pods:
        await server.run(pod)
    number = 0

    async def write(steps: int) -> None:
        nonlocal number
        for _ in range(steps):
            await server.write(rng.choice(pods), *(f"line {number + n}" for n in range(3)))
            number += 3
            await asyncio.sleep(rng.choice([0, 0, 0.01]))

    for _ in range(5):
        stop = asyncio.Event()
        running = asyncio.create_task(recorder_of(client, store).run(stop))
        await until(lambda: server.followed > 0)
        await write(25)
        await server.cut()
        await write(25)
        running.cancel()  # it stores nothing more
        await asyncio.gather(running, return_exceptions=True)
        await write(5)
    await put(server, ENDED)
    for pod in pods:
        await server.end(pod)
    async with recording(recorder_of(client, store)):
        await until(lambda: marked(server) == {"run"})
    for pod in pods:
        assert await lines(store, pod) == written(server, pod)
        assert await outcome(store, pod) == "Complete"
    assert 0 < server.most_followed <= 3


async def test_the_condition_waits_for_the_logs(
    server: PodServer, client: ApiClient, store: Store
) -> None:
    recorder = recorder_of(client, store)
    server.forbidden = True
    await server.run("a")
    await server.write("a", "text")
    await server.end("a")
    await put(server, ENDED)
    async with recording(recorder):
        await until(lambda: any("pods/log is forbidden" in text for text in recorder.unready()))

        async def recorded() -> bool:
            return await store.count() == 1

        await until(recorded)
        assert marked(server) == set()
        server.refusals = [unreachable(), unreachable()]
        server.forbidden = False
        await until(lambda: marked(server) == {"run"})
        assert not any("logs" in text for text in recorder.unready())
    assert await lines(store, "a") == written(server, "a")


async def test_a_pod_of_another_namespace_with_the_label_holds_nothing_up(
    server: PodServer, client: ApiClient, store: Store
) -> None:
    await server.run("foreign", namespace="lab")
    await server.run("a")
    async with recording(recorder_of(client, store)):
        await server.write("foreign", "text")
        await server.write("a", "text")
        await server.end("a")
        await put(server, ENDED)
        await until(lambda: marked(server) == {"run"})
    assert set(await kept(store)) == {"a"}


async def test_a_log_that_cannot_be_kept_is_given_up_with_a_reason(
    server: PodServer, client: ApiClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pod in ("away", "lost"):
        await server.run(pod)
        await server.write(pod, "text")

    async def stored() -> bool:
        return len(await kept(store)) == 2

    async with recording(recorder_of(client, store)):
        await until(stored)
    await server.delete("away")
    monkeypatch.setattr(pod_log_reader, "GIVE_UP_SECONDS", 0.1)
    server.refusals = [unreachable() for _ in range(10_000)]
    await server.end("lost")
    await put(server, ENDED)
    async with recording(recorder_of(client, store)):
        await until(lambda: marked(server) == {"run"})
    found = await kept(store)
    assert {log.state.outcome for log in found.values()} == {"Cut"}
    assert found["away"].state.reason == keeper.DELETED_MEANWHILE
    assert "connection refused" in found["lost"].state.reason
    assert await lines(store, "away") == written(server, "away")


async def test_nothing_is_read_that_is_kept(
    server: PodServer, client: ApiClient, store: Store
) -> None:
    await server.run("a")
    await server.write("a", "text")
    await server.end("a")
    await put(server, ENDED)
    async with recording(recorder_of(client, store)):
        await until(lambda: marked(server) == {"run"})
    server.refusals, registry = [unreachable()], CollectorRegistry()
    async with recording(recorder_of(client, store, registry)):
        await server.run("b")  # after the first pod, whose log is not read again
        await until(lambda: not server.refusals)
        assert await outcome(store, "a") == "Complete"
        await server.end("b")

        async def complete() -> bool:
            return await outcome(store, "b") == "Complete"

        await until(complete)
        kept_now = 'history_logs_kept_total{outcome="Complete"} 1.0'
        # Counted once it is stored.
        await until(lambda: kept_now in generate_latest(registry).decode())
