"""Log keeping and log retention."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from orchestrator.engine.status.conditions import is_recorded
from orchestrator.history.logs.bucket import LogBucket
from orchestrator.history.logs.extent import Limit
from orchestrator.history.logs.keeper import LogKeeper
from orchestrator.history.logs.log_metrics import LogMetrics
from orchestrator.history.logs.log_retention import LogRetention
from orchestrator.history.logs.log_store import LogStore
from orchestrator.kube.cache import Key, Raw, key_of
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import EXECUTIONS
from orchestrator.process.health import unready as unready_watches
from orchestrator.process.tasks import cancel, first_of, start

logger = logging.getLogger(__name__)

DAY = 24 * 3600.0
"""Seconds. Logs are kept for as long before it is asked whether their execution is still there."""
WAIT_SECONDS = 5.0
"""Seconds between two checks of the executions whose logs are not kept."""
MAX_ORPHANS = 200
"""Executions that are asked for at a time."""


@dataclass(frozen=True, slots=True)
class LogOptions:
    """How logs are kept."""

    limit: Limit
    days: int = 0
    """Days after its end for which a log is kept; 0 for as long as its execution."""
    bucket: LogBucket | None = None
    """Where they are kept; in the database if absent."""


class Logs:
    """Keeps logs, and removes what need not be kept."""

    def __init__(
        self,
        client: ApiClient,
        store: LogStore,
        options: LogOptions,
        registry: CollectorRegistry,
        namespaces: Collection[str] = (),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client, self._options = client, options
        self._retention = LogRetention(store.engine, store.bucket)
        self._metrics = LogMetrics(registry)
        self._keeper = LogKeeper(
            client, store, self._metrics, namespaces=namespaces, limit=options.limit
        )
        self._keeper.on_kept = self._release
        self._sleep = sleep
        self._waiting: dict[str, Key] = {}
        """Ended executions whose logs are not kept, by uid."""
        self.on_kept: Callable[[Iterable[Key]], None] = lambda _: None
        """Called with executions whose logs may be kept now."""

    async def run(self) -> None:
        """Keep logs until cancelled."""
        self._waiting.clear()
        tasks = [start(self._keeper.run(), "log keeper"), start(self._check_often(), "log checks")]
        try:
            await first_of(asyncio.Event(), tasks)
        finally:
            await cancel(tasks)

    def unready(self) -> list[str]:
        """Why logs are not kept, in words; empty if they are."""
        refusal = self._keeper.refusal()
        problems = [f"logs cannot be read: {refusal}"] if refusal else []
        return [*unready_watches([self._keeper.reflector]), *problems]

    async def kept(self, executions: list[Raw]) -> list[Raw]:
        """Those of the ended executions whose logs are kept, or given up. Raises ApiError and
        UnavailableError."""
        ready = []
        for raw in executions:
            if is_recorded(raw.get("status") or {}) or await self._keeper.has_kept(raw):
                ready.append(raw)
            else:
                self._waiting[raw["metadata"]["uid"]] = key_of(raw)
        return ready

    def _release(self, uid: str) -> None:
        if (key := self._waiting.pop(uid, None)) is not None:
            self.on_kept([key])

    async def _check_often(self) -> None:
        """A pod that never wrote a log shows in no other way."""
        while True:
            await self._sleep(WAIT_SECONDS)
            for uid in list(self._waiting):
                self._release(uid)

    async def retain(self, now: float) -> None:
        """Remove logs that are too old, or whose executions are gone. Raises UnavailableError."""
        if self._options.days:
            await self._retention.expire_before(round((now - self._options.days * DAY) * 1000))
        try:
            await self._expire_orphans(round((now - DAY) * 1000))
        except ApiError as error:
            logger.warning("logs without executions are removed later: %s", error)
        self._metrics.removed.inc(await self._retention.remove_expired())

    async def _expire_orphans(self, moment: int) -> None:
        """Those of executions that were deleted before they were recorded."""
        found = await self._retention.orphans(moment, MAX_ORPHANS)
        for namespace in sorted({namespace for namespace, _ in found}):
            there, _ = await self._client.list(EXECUTIONS, namespace, metadata_only=True)
            known = {raw["metadata"]["uid"] for raw in there}
            gone = {(place, uid) for place, uid in found if place == namespace and uid not in known}
            await self._retention.expire_executions(gone)
