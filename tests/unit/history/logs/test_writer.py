"""Logs in SQLite, PostgreSQL and a bucket, whoever stops in the middle."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from orchestrator.history.database import UnavailableError, transaction
from orchestrator.history.logs import extent
from orchestrator.history.logs.bucket import BucketAddress, LogBucket
from orchestrator.history.logs.extent import Limit
from orchestrator.history.logs.kept_log import LogIdentity, Outcome
from orchestrator.history.logs.lines import SECOND
from orchestrator.history.logs.log_metrics import LogMetrics
from orchestrator.history.logs.log_retention import LogRetention
from orchestrator.history.logs.log_store import LogStore, StaleError
from orchestrator.history.logs.writer import LogWriter, NotALogError
from orchestrator.history.removal import remove_before
from orchestrator.history.store import Store
from orchestrator.history.tables import LOG_CHUNKS
from tests.databases import new_database
from tests.objectstore import ACCESS_KEY, SECRET_KEY, ObjectStore
from tests.unit.history.executions import START as ENDED
from tests.unit.history.executions import entry
from tests.unit.history.logs.kubelet_logs import START, Written, answer

LIMIT = Limit(2000, 3000)
RUN = LogIdentity("pod", "uid-shop-run", "shop", "run-check-x", "check", 1, None, 1000)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extent, "CHUNK", 500)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    storage = ObjectStore(tmp_path_factory.mktemp("storage"))
    storage.start()
    storage.make_bucket("logs")
    yield storage
    storage.stop()


@pytest.fixture(params=["sqlite", "postgresql", "bucket"])
def place(request: pytest.FixtureRequest) -> str:
    """Where chunks go; the bucket is tried with one of the databases."""
    found: str = request.param
    return found


@pytest.fixture
def url(place: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if place == "postgresql":
        return new_database(request.getfixturevalue("postgresql"))
    return f"sqlite:///{tmp_path / 'history.db'}"


@pytest.fixture
def logs(
    place: str, store: Store, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> LogStore:
    if place != "bucket":
        return LogStore(store.engine)
    storage: ObjectStore = request.getfixturevalue("storage")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    address = BucketAddress(
        "logs", "kept", storage.endpoint, authority=storage.certificate.authority
    )
    return LogStore(store.engine, LogBucket(address))


def writer_of(logs: LogStore, identity: LogIdentity = RUN) -> LogWriter:
    return LogWriter(logs, identity, LIMIT, LogMetrics(CollectorRegistry()))


def lines_of(count: int) -> list[Written]:
    return [Written(START * SECOND + n * SECOND // 50, f"line {n}") for n in range(count)]


async def kept(logs: LogStore, identity: LogIdentity = RUN) -> bytes:
    texts = [await logs.text(identity, each.number) for each in await logs.chunks(identity.pod_uid)]
    return b"".join(text or b"" for text in texts)


async def finish(writer: LogWriter, outcome: Outcome = Outcome.COMPLETE, at: int = 5000) -> None:
    writing = asyncio.create_task(writer.run())
    await writer.finish(writing, outcome, "", at, False)
    await asyncio.gather(writing, return_exceptions=True)


async def test_whoever_stops_in_the_middle_the_lines_are_stored_once(logs: LogStore) -> None:
    rng, lines = random.Random(5), lines_of(60)
    there = 0
    while there < len(lines):
        there += rng.randrange(1, 25)
        writer = writer_of(logs)
        assert await writer.open()
        text = answer(lines[:there], writer.begin())
        text = text[: rng.randrange(len(text) + 1)] if there < len(lines) else text
        for begin in range(0, len(text), 77):
            writer.feed(text[begin : begin + 77])
            if rng.random() < 0.3:
                await writer._save()
        if rng.random() < 0.5 and there < len(lines):
            await writer._save()  # otherwise what was read since is lost with its process
    await finish(writer)
    assert await kept(logs) == answer(lines, {})
    assert not await writer_of(logs).open()
    (found,) = await logs.of_execution(RUN.execution_uid, "shop", "check")
    assert (found.identity, found.state.outcome, found.state.ended_at) == (RUN, "Complete", 5000)
    assert await logs.of_execution(RUN.execution_uid, "another namespace") == []


async def test_beginning_and_end_of_a_long_log_are_stored(logs: LogStore) -> None:
    lines = lines_of(1000)
    text = answer(lines, {})
    writer = writer_of(logs)
    await writer.open()
    writer.begin()
    for begin in range(0, len(text), 4000):
        writer.feed(text[begin : begin + 4000])
        await writer._save()
    writer.end()
    await finish(writer)
    (found,) = await logs.of_execution(RUN.execution_uid, "shop")
    omitted, whole = found.state.omitted, await kept(logs)
    assert omitted.size + len(whole) == len(text)
    assert omitted.lines + whole.count(b"\n") == 1000
    assert text.startswith(whole[: LIMIT.beginning])
    assert text.endswith(whole[-LIMIT.end :])
    assert len(whole) < LIMIT.beginning + LIMIT.end + 1200


async def test_of_two_recorders_one_goes_on(logs: LogStore) -> None:
    lines = lines_of(50)
    first, second = writer_of(logs), writer_of(logs)
    await first.open()
    first.begin()
    first.feed(answer(lines[:10], {}))
    await first._save()
    await second.open()
    second.feed(answer(lines, second.begin()))
    await second._save()
    first.feed(answer(lines[10:20], {}))
    with pytest.raises(StaleError):
        await first._save()
    assert await kept(logs) == answer(lines, {})


async def test_words_of_the_kubelet_are_not_stored(logs: LogStore) -> None:
    writer = writer_of(logs)
    await writer.open()
    writer.begin()
    with pytest.raises(NotALogError, match="unable to retrieve"):
        writer.feed(answer(lines_of(2), {}) + b"unable to retrieve container logs for x\n")
    await finish(writer)
    assert await kept(logs) == answer(lines_of(2), {})


async def test_logs_go_with_their_execution_or_when_they_are_old(
    logs: LogStore, store: Store, request: pytest.FixtureRequest
) -> None:
    for uid, name, at in (("a", "run", 1), ("b", "old", 1), ("c", "new", 9000), ("d", "gone", 1)):
        identity = LogIdentity(uid, f"uid-shop-{name}", "shop", uid, "check", 1, None, 0)
        writer = writer_of(logs, identity)
        await writer.open()
        writer.begin()
        writer.feed(answer(lines_of(50), {}))
        await finish(writer, at=at)
    await store.record([entry("run", at=ENDED), entry("old", at=ENDED + 10), entry("new")])
    retention = LogRetention(store.engine, logs.bucket)
    assert await retention.orphans(9001, 10) == [("shop", "uid-shop-gone")]
    await remove_before(store.engine, round((ENDED + 1) * 1000))
    assert await logs.of_execution("uid-shop-run", "shop") == []
    assert await retention.remove_expired() == 2  # `new` ended when `run` did
    await retention.expire_executions([("shop", "uid-shop-gone")])
    await retention.expire_before(5000)
    assert await retention.remove_expired() == 2
    assert await logs.count() == 0
    async with transaction(store.engine) as connection:
        assert (await connection.execute(select(LOG_CHUNKS))).all() == []
    if logs.bucket is not None:
        keys = request.getfixturevalue("storage").keys("logs")
        assert [key for key in keys if key.split("/")[3] in ("a", "b", "c", "d")] == []


async def test_a_pod_with_the_label_of_another_namespace_removes_no_log_there(
    logs: LogStore, store: Store
) -> None:
    for uid, namespace in (("own", "shop"), ("forged", "evil")):
        identity = LogIdentity(uid, "uid-shop-run", namespace, uid, "check", 1, None, 0)
        writer = writer_of(logs, identity)
        await writer.open()
        writer.begin()
        writer.feed(answer(lines_of(5), {}))
        await finish(writer, at=1)
    retention = LogRetention(store.engine, logs.bucket)
    found = await retention.orphans(9001, 10)
    assert sorted(found) == [("evil", "uid-shop-run"), ("shop", "uid-shop-run")]
    await retention.expire_executions([("evil", "uid-shop-run")])  # `shop` still has its execution
    assert await retention.remove_expired() == 1
    (kept_one,) = await logs.of_execution("uid-shop-run", "shop")
    assert kept_one.identity.pod_uid == "own"


async def test_a_bucket_that_is_away_is_reported(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        with pytest.raises(ValueError, match=name):
            LogBucket(BucketAddress("logs", credentials=folder))
        (folder / name).write_text("key\n")
    address = BucketAddress("logs", endpoint="http://127.0.0.1:1", credentials=folder)
    with pytest.raises(UnavailableError, match="bucket logs"):
        await LogBucket(address).put("key", b"body")
    (tmp_path / "ca").write_text("no certificate")
    with pytest.raises(ValueError, match="no certificate in PEM"):
        LogBucket(BucketAddress("logs", authority=tmp_path / "ca", credentials=folder))


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("s3://logs", ("logs", "")),
        ("s3://logs/", ("logs", "")),
        ("s3://logs/team/a/", ("logs", "team/a")),
    ],
)
def test_a_bucket_is_named_by_a_url(url: str, found: tuple[str, str]) -> None:
    assert BucketAddress.parse(url) == found


@pytest.mark.parametrize(
    "url", ["", "s3://", "gs://logs", "s3://a/../b", "s3://logs/a//b", "s3://a b"]
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"must be s3://|the prefix may"):
        BucketAddress.parse(url)
