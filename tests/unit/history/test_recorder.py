"""The recorder, in front of an API server that behaves and real databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import delete

from orchestrator.engine.status.conditions import is_recorded
from orchestrator.history import attempts
from orchestrator.history import recorder as module
from orchestrator.history.cluster_reader import ClusterReader
from orchestrator.history.database import UnavailableError, transaction
from orchestrator.history.figures import figures
from orchestrator.history.recorder import HistoryRecorder, Keep
from orchestrator.history.selection import Selection
from orchestrator.history.store import Store
from orchestrator.history.tables import METADATA
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.lease import LeaseLostError
from orchestrator.tracing import delivery
from orchestrator.tracing.delivery import Outcomes, SpanDelivery, otlp_exporter
from tests.apiserver import ApiServer
from tests.collector import collecting
from tests.unit.history.executions import DAY, REVISION, START, ended, record


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries and rescans without long pauses."""
    monkeypatch.setattr(attempts, "MAX_BACKOFF_SECONDS", 0.05)
    monkeypatch.setattr(module, "RESCAN_SECONDS", 0.05)
    monkeypatch.setattr(module, "RETENTION_SECONDS", 0.05)


@asynccontextmanager
async def recording(recorder: HistoryRecorder) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(recorder.run(stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def until(check: Callable[[], Awaitable[bool] | bool]) -> None:
    """Wait for a condition."""
    for _ in range(3000):
        found = check()
        if found if isinstance(found, bool) else await found:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("not within a minute")


async def put(server: ApiServer, raw: dict[str, Any]) -> None:
    metadata = {key: value for key, value in raw["metadata"].items() if key != "managedFields"}
    await server.put(
        "workflowexecutions",
        metadata["namespace"],
        metadata["name"],
        metadata=metadata,
        spec=raw["spec"],
        status=raw["status"],
    )


def marked(server: ApiServer) -> set[str]:
    return {
        name
        for (plural, _, name), raw in server.objects.items()
        if plural == "workflowexecutions" and is_recorded(raw.get("status") or {})
    }


async def names(store: Store) -> set[str]:
    return {item.name for item in (await store.page(Selection(), limit=500)).items}


async def test_what_has_ended_is_recorded_with_its_revision_and_then_marked(
    server: ApiServer, client: ApiClient, store: Store
) -> None:
    await server.put("controllerrevisions", "shop", "deploy-1", data=REVISION)
    nodes = {"approve": record("Succeeded", START, 60)}
    await put(server, ended("before", nodes=nodes))
    await put(server, {**ended("active"), "status": {"phase": "Running"}})
    registry = CollectorRegistry()
    async with recording(HistoryRecorder(client, store, registry=registry)):
        await until(lambda: marked(server) == {"before"})
        await put(server, ended("during", nodes=nodes))
        await put(server, ended("active"))
        await until(lambda: marked(server) == {"before", "during", "active"})
        text = generate_latest(registry).decode()
    assert "itechsmart_workflow_history_recorded_total 3.0" in text
    assert "itechsmart_workflow_history_database_up 1.0" in text
    assert "itechsmart_workflow_history_leader 1.0" in text
    assert await names(store) == {"before", "during", "active"}
    assert await store.revision("shop", "deploy-1") == REVISION
    found = await figures(store.engine, Selection())
    assert (found.waiting.approvals, found.waiting.total) == (2, 120.0)


async def test_a_comparison_with_the_database_meanwhile_loses_no_approval(
    server: ApiServer, client: ApiClient, store: Store
) -> None:
    await server.put("controllerrevisions", "shop", "deploy-1", data=REVISION)
    run, reader = ended("run"), ClusterReader(client, store)
    reader.stored((await reader.revisions([run])).new)
    revisions = await reader.revisions([run])
    reader.forget()
    assert revisions.approvals(run) == {"approve"}


async def test_a_settled_history_writes_nothing(
    server: ApiServer, client: ApiClient, store: Store
) -> None:
    await put(server, ended("run"))
    async with recording(HistoryRecorder(client, store)):
        await until(lambda: marked(server) == {"run"})
    writes = [request for request in server.requests if request[0] != "GET"]
    async with recording(HistoryRecorder(client, store)):
        await asyncio.sleep(0.3)  # several rescans
    assert [request for request in server.requests if request[0] != "GET"] == writes


async def test_a_database_that_is_away_is_waited_for_and_reported(
    server: ApiServer, client: ApiClient, tmp_path: Path
) -> None:
    folder, registry = tmp_path / "volume", CollectorRegistry()
    store = Store(f"sqlite:///{folder / 'history.db'}")
    recorder = HistoryRecorder(client, store, registry=registry)
    await put(server, ended("run"))
    async with recording(recorder):
        await until(lambda: bool(recorder.unready()))
        assert "unable to open database file" in recorder.unready()[0]
        assert "itechsmart_workflow_history_database_up 0.0" in generate_latest(registry).decode()
        assert marked(server) == set()
        folder.mkdir()
        await until(lambda: marked(server) == {"run"})
        assert recorder.unready() == []
    await store.close()


class _Lost:
    """A Lease that another replica takes as soon as it is told to, and then never gives back."""

    def __init__(self, taken: asyncio.Event) -> None:
        self._taken = taken

    async def acquire(self) -> None:
        if self._taken.is_set():
            await asyncio.Event().wait()

    async def keep(self) -> None:
        await self._taken.wait()
        raise LeaseLostError("another replica took it")

    async def release(self) -> None:
        pass


async def test_a_replica_on_standby_reports_no_database_that_was_away_before(
    server: ApiServer, client: ApiClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise UnavailableError("the database does not answer")

    monkeypatch.setattr(store, "recorded", away)
    await put(server, ended("run"))
    taken, registry = asyncio.Event(), CollectorRegistry()
    lease: Any = lambda: _Lost(taken)  # noqa: E731
    recorder = HistoryRecorder(client, store, lease=lease, registry=registry)
    async with recording(recorder):
        await until(lambda: bool(recorder.unready()))
        taken.set()
        await until(lambda: recorder.unready() == [])
        text = generate_latest(registry).decode()
    assert "itechsmart_workflow_history_database_up 1.0" in text
    assert "itechsmart_workflow_history_leader 0.0" in text


async def test_an_api_server_that_is_away_is_waited_for(
    server: ApiServer, client: ApiClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch, tries = client.patch, []

    async def away(*arguments: Any, **more: Any) -> Any:
        tries.append(arguments)
        if len(tries) < 3:
            raise ApiError(503, "ServiceUnavailable", "etcd has no leader")
        return await patch(*arguments, **more)

    monkeypatch.setattr(client, "patch", away)
    await put(server, ended("run"))
    recorder = HistoryRecorder(client, store)
    async with recording(recorder):
        await until(lambda: marked(server) == {"run"})
    assert await store.count() == 1


async def test_a_refused_condition_holds_no_other_up(
    server: ApiServer,
    client: ApiClient,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    patch = client.patch

    async def refusing(resource: Any, namespace: str, name: str, *rest: Any, **more: Any) -> Any:
        if name == "refused":
            raise ApiError(403, "Forbidden", "a policy of others")
        return await patch(resource, namespace, name, *rest, **more)

    monkeypatch.setattr(client, "patch", refusing)
    await put(server, ended("refused"))
    await put(server, ended("run"))
    async with recording(HistoryRecorder(client, store)):
        await until(lambda: marked(server) == {"run"})
        await asyncio.sleep(0.2)  # several rescans
    assert await names(store) == {"refused", "run"}
    said = [line for line in caplog.messages if "a policy of others" in line]
    assert said == ["the condition Recorded of shop/refused is refused: a policy of others"]


async def test_an_execution_that_the_database_refuses_holds_no_other_up(
    server: ApiServer, client: ApiClient, store: Store
) -> None:
    await put(server, ended("strange", labels={"key": "a\x00b"}))
    await put(server, ended("run"))
    async with recording(HistoryRecorder(client, store)):
        await until(lambda: "run" in marked(server))
    if store.engine.dialect.name == "postgresql":
        assert await names(store) == {"run"}
        assert marked(server) == {"run"}


async def test_what_a_user_writes_into_an_execution_keeps_no_other_from_being_recorded(
    server: ApiServer, client: ApiClient, store: Store
) -> None:
    await put(server, ended("wrong", spec={"trigger": "no object"}))
    await server.put("controllerrevisions", "shop", "deploy-1", data=["no object"])
    await put(server, ended("run"))
    registry = CollectorRegistry()
    async with recording(HistoryRecorder(client, store, registry=registry)):
        await until(lambda: marked(server) == {"run"})
    assert await names(store) == {"run"}
    assert 'history_failures_total{what="invalid"} ' in generate_latest(registry).decode()


async def test_a_database_that_was_emptied_gets_what_the_cluster_still_has(
    server: ApiServer, client: ApiClient, store: Store
) -> None:
    await server.put("controllerrevisions", "shop", "deploy-1", data=REVISION)
    await put(server, ended("run"))
    async with recording(HistoryRecorder(client, store)):
        await until(lambda: marked(server) == {"run"})
        async with transaction(store.engine) as connection:
            for table in reversed(METADATA.sorted_tables):
                await connection.execute(delete(table))

        async def again() -> bool:
            return await store.revision("shop", "deploy-1") is not None

        await until(again)
    assert await names(store) == {"run"}


async def test_what_is_too_old_is_removed_and_not_recorded_again(
    server: ApiServer, client: ApiClient, store: Store
) -> None:
    for day in range(4):
        await put(server, ended(f"run-{day}", at=START + day * DAY))
    keep = Keep(days=2)
    clock = START + 4 * DAY
    async with recording(HistoryRecorder(client, store, keep=keep, clock=lambda: clock - 1)):
        await until(lambda: len(marked(server)) == 4)

        async def removed() -> bool:
            return len(await names(store)) == 2

        await until(removed)
        await asyncio.sleep(0.3)  # several rescans
        assert await names(store) == {"run-2", "run-3"}


async def test_a_restored_execution_counts_once_and_no_label_hides_another(
    server: ApiServer, client: ApiClient, store: Store
) -> None:
    labels = {"automation.itechsmart.dev/restored-from": "uid-shop-run"}
    restored = ended("run", labels=labels)
    restored["metadata"]["uid"] = "new"
    await put(server, ended("run"))
    async with recording(HistoryRecorder(client, store)):
        await until(lambda: marked(server) == {"run"})
        await server.remove("workflowexecutions", "shop", "run")
        await put(server, restored)
        await put(server, ended("hidden", labels=labels))
        await until(lambda: marked(server) == {"run", "hidden"})
    assert await names(store) == {"run", "hidden"}
    assert await store.count() == 2


async def test_spans_are_exported_before_the_mark_and_a_collector_that_is_away_holds_up_only_that(
    server: ApiServer, client: ApiClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(delivery, "GIVE_UP_SECONDS", 1e12)
    await put(server, ended("run", nodes={"check": record("Succeeded", START, 1)}))
    with collecting() as collector:
        collector.status = 400

        def spans(outcomes: Outcomes) -> SpanDelivery:
            return SpanDelivery(otlp_exporter(collector.url), outcomes)

        async with recording(HistoryRecorder(client, store, spans=spans)):
            await until(lambda: collector.requests > 1)
            assert await names(store) == {"run"}
            assert marked(server) == set()
            collector.status = 200
            await until(lambda: marked(server) == {"run"})
        assert sorted(collector.names().values()) == ["check", "workflow deploy"]
        async with recording(HistoryRecorder(client, store, spans=spans)):
            await asyncio.sleep(0.3)  # several rescans
        assert len(collector.spans) == 2
