"""Records executions when they have ended, each exactly once.

An execution is stored before its condition `Recorded` is set, so a crash at any point leaves it in
the cluster without the condition, and it is found again. That it is stored once rests on the
primary key. The Lease only spares work, as for the operator.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from orchestrator.engine.status.conditions import is_recorded
from orchestrator.history.attempts import Attempts
from orchestrator.history.batch_recorder import BatchRecorder
from orchestrator.history.cluster_reader import ClusterReader
from orchestrator.history.database import UnavailableError
from orchestrator.history.logs.logs import Logs
from orchestrator.history.marker import Marker, MarkResult, is_marked
from orchestrator.history.metrics import Failure, HistoryMetrics
from orchestrator.history.removal import remove_before, remove_beyond
from orchestrator.history.store import Store
from orchestrator.kube.cache import Cache, Key, Raw, key_of
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.lease import Lease, LeaseLostError
from orchestrator.kube.reflector import Reflector
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.models.execution import ExecutionPhase
from orchestrator.process.health import unready as unready_watches
from orchestrator.process.tasks import cancel, first_of, start

if TYPE_CHECKING:
    from orchestrator.tracing.delivery import Outcomes, SpanDelivery

logger = logging.getLogger(__name__)

ENDED = ",".join(
    f"status.phase!={phase}"
    for phase in ("", *(phase.value for phase in ExecutionPhase if not phase.terminal))
)
"""Field selector of the executions that have ended."""
BATCH = 100
"""Executions that are recorded in one transaction."""
RESCAN_SECONDS = 600.0
"""Seconds between two comparisons of all ended executions with the database, which may have been
replaced or restored from a backup."""
RETENTION_SECONDS = 600.0
"""Seconds between two removals of old executions from the history."""


@dataclass(frozen=True, slots=True)
class Keep:
    """How long the history keeps executions; both bounds apply."""

    days: int = 0
    """Days after the end of an execution; 0 for no bound."""
    count: int = 0
    """The newest executions; 0 for no bound."""


class HistoryRecorder:
    """Watches ended executions and records them, in one replica at a time."""

    def __init__(
        self,
        client: ApiClient,
        store: Store,
        *,
        namespaces: Collection[str] = (),
        lease: Callable[[], Lease] | None = None,
        keep: Keep | None = None,
        logs: Logs | None = None,
        spans: Callable[[Outcomes], SpanDelivery] | None = None,
        registry: CollectorRegistry | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`lease` makes the Lease by which replicas agree on the one that records; without it this
        one records. With `logs`, an execution's condition waits for its logs. `spans` makes what
        exports spans; without it none are exported."""
        self._client = client
        self._store = store
        self._namespaces = tuple(namespaces)
        self._lease = lease
        self._keep = keep or Keep()
        self._logs = logs
        if logs is not None:
            logs.on_kept = self._add
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._reader = ClusterReader(client, store)
        self._marker = Marker(client, self._reader, clock)
        self.metrics = HistoryMetrics(registry or CollectorRegistry())
        self._pending: dict[Key, float] = {}
        """Executions to compare with the database, and since when they wait."""
        self._without_spans: set[Key] = set()
        """Executions that are stored, and whose spans wait for the collector."""
        self._wake = asyncio.Event()
        self._cache = Cache()
        self._reflector: Reflector | None = None
        self._attempts = Attempts(self.metrics, sleep)
        self._batches = BatchRecorder(store, self._reader, self.metrics)
        self._spans = None if spans is None else spans(self.metrics)
        self.metrics.observe(
            waiting=lambda: len(self._pending) + len(self._without_spans),
            lag=self._lag,
            up=lambda: self._attempts.database_up,
            leader=lambda: self._reflector is not None,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Record until `stop` is set, whenever this replica is the one that does."""
        await self._migrated(stop)
        while not stop.is_set():
            lease = self._lease() if self._lease is not None else None
            try:
                await self._lead(stop, lease)
            except LeaseLostError as error:
                logger.warning("another replica records the history: %s", error)
            finally:
                self._pending.clear()
                self._without_spans.clear()
                self._attempts.stood_down()
                self._reflector, self._cache = None, Cache()

    def unready(self) -> list[str]:
        """Why the history is not up to date, in words; empty if it is, and on standby."""
        problem = self._attempts.problem
        problems = [f"the history waits: {problem}"] if problem else []
        if self._reflector is None:
            return problems
        watches = unready_watches([self._reflector])
        return [*watches, *(self._logs.unready() if self._logs else ()), *problems]

    async def _migrated(self, stop: asyncio.Event) -> None:
        """Wait for the database, and bring its schema up to date."""
        migrating = start(self._migrate(), "history migration")
        try:
            await first_of(stop, [], migrating)
            if migrating.done():
                await migrating
        finally:
            await cancel([migrating])

    async def _migrate(self) -> None:
        while True:
            try:
                await self._store.migrate()
            except UnavailableError as error:
                await self._attempts.failed(Failure.DATABASE, error)
            else:
                self._attempts.succeeded()
                return

    async def _lead(self, stop: asyncio.Event, lease: Lease | None) -> None:
        tasks: list[asyncio.Task[None]] = []
        try:
            if lease is not None:
                acquired = start(lease.acquire(), "history lease")
                tasks.append(acquired)
                await first_of(stop, [], acquired)
                if stop.is_set():
                    return
                await acquired
                tasks.append(start(lease.keep(), "history lease"))
            work = [*self._work_tasks(), *tasks[1:]]
            tasks += work
            await first_of(stop, work)
        finally:
            await cancel(tasks)
            if lease is not None:
                await lease.release()

    def _work_tasks(self) -> list[asyncio.Task[None]]:
        self._reflector = Reflector(
            self._client,
            EXECUTIONS,
            self._cache,
            namespaces=self._namespaces,
            field_selector=ENDED,
            metadata_only=True,
            transform=_projected,
            on_event=self._on_event,
            monotonic=self._monotonic,
        )
        exporting = [] if self._spans is None else [self._export_again(self._spans)]
        return [
            *(start(work, "history spans") for work in exporting),
            start(self._reflector.run(), "history watch"),
            start(self._work(), "history"),
            start(self._rescan(), "history rescan"),
            start(self._retain(), "history retention"),
            *([start(self._logs.run(), "logs")] if self._logs else ()),
        ]

    # Recording

    def _on_event(self, kind: str, raw: Raw, old: Raw | None) -> None:
        if kind == "DELETED" or (old is not None and raw["marked"]):
            return  # what is marked was compared when it was first seen
        self._add([key_of(raw)])

    def _add(self, keys: Iterable[Key]) -> None:
        now = self._monotonic()
        for key in keys:
            self._pending.setdefault(key, now)
        self._wake.set()

    async def _work(self) -> None:
        while True:
            if not self._pending:
                self._wake.clear()
                await self._wake.wait()
            # An event about one of them, while they are recorded, adds it again.
            taken = {key: self._pending.pop(key) for key in list(self._pending)[:BATCH]}
            try:
                await self._record(list(taken))
            except (UnavailableError, ApiError) as error:
                self._pending = {**self._pending, **taken}
                away = isinstance(error, UnavailableError)
                await self._attempts.failed(Failure.DATABASE if away else Failure.API, error)
            else:
                self._attempts.succeeded()

    async def _record(self, keys: list[Key]) -> None:
        """Record those of the executions that are not, and set their condition."""
        known = {key: raw for key in keys if (raw := self._cache.get(*key)) is not None}
        uids = {raw["metadata"]["uid"] for raw in known.values()}
        stored = await self._store.recorded(uids)
        stored |= {uid for uid in uids if uid in self._batches.settled}
        incomplete = [
            key
            for key, raw in known.items()
            if raw["metadata"]["uid"] not in stored or not raw["marked"]
        ]
        live = (await self._reader.executions(incomplete)).values()
        refused = await self._batches.record(
            [raw for raw in live if raw["metadata"]["uid"] not in stored]
        )
        marks = [raw for raw in live if raw["metadata"]["uid"] not in refused]
        if self._logs is not None:
            marks = await self._logs.kept(marks)
        marks = await self._with_spans(marks)
        outcomes = await asyncio.gather(*(self._marker.mark(raw) for raw in marks))
        for raw, outcome in zip(marks, outcomes, strict=True):
            if outcome is MarkResult.CHANGED:
                self._add([key_of(raw)])
            elif outcome is MarkResult.REFUSED:
                self.metrics.failed(Failure.REFUSED)

    async def _with_spans(self, raws: list[Raw]) -> list[Raw]:
        """Export the spans of executions; those that need not wait for the collector."""
        if self._spans is None:
            return raws
        unmarked = [raw for raw in raws if not is_recorded(raw["status"])]
        waiting = await self._spans.deliver(unmarked)
        self._without_spans |= {key_of(raw) for raw in raws if raw["metadata"]["uid"] in waiting}
        return [raw for raw in raws if raw["metadata"]["uid"] not in waiting]

    # In the background

    async def _export_again(self, spans: SpanDelivery) -> None:
        while True:
            await self._sleep(max(1.0, spans.pause))
            self._add(self._without_spans)
            self._without_spans.clear()

    async def _rescan(self) -> None:
        while True:
            await self._sleep(RESCAN_SECONDS)
            self._reader.forget()
            self._add(self._cache.known())

    async def _retain(self) -> None:
        while True:
            try:
                await self.retain()
            except UnavailableError as error:
                logger.warning("old executions are removed from the history later: %s", error)
            await self._sleep(RETENTION_SECONDS)

    async def retain(self) -> None:
        """Remove what the history need not keep. Raises UnavailableError."""
        engine, keep = self._store.engine, self._keep
        if keep.days:
            cut = round((self._clock() - keep.days * 24 * 3600) * 1000)
            self.metrics.removed.inc(await remove_before(engine, cut))
        if keep.count:
            self.metrics.removed.inc(await remove_beyond(engine, keep.count))
        if self._logs is not None:
            await self._logs.retain(self._clock())

    def _lag(self) -> float:
        since = min(list(self._pending.values()), default=None)
        return 0.0 if since is None else max(0.0, self._monotonic() - since)


def _projected(raw: Raw) -> Raw:
    """What is cached of an ended execution: there may be many."""
    metadata = raw["metadata"]
    kept = ("namespace", "name", "uid", "resourceVersion")
    return {
        "metadata": {field: metadata[field] for field in kept},
        "marked": is_marked(metadata),
    }
