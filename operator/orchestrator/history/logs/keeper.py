"""Watches the pods of executions, and keeps the log of each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from orchestrator.engine.times import from_rfc3339
from orchestrator.history.database import UnavailableError
from orchestrator.history.logs.extent import Limit
from orchestrator.history.logs.kept_log import LogIdentity, Outcome
from orchestrator.history.logs.log_metrics import LogMetrics
from orchestrator.history.logs.log_store import LogStore, StaleError
from orchestrator.history.logs.pod_log_reader import PodLogReader, ReaderSources, WatchedPod
from orchestrator.history.logs.slots import Slots
from orchestrator.history.logs.writer import LogWriter
from orchestrator.jobs.context import node_and_attempt
from orchestrator.jobs.evidence import has_begun, has_ended, has_succeeded
from orchestrator.jobs.fan_out_status import index_of
from orchestrator.kube.cache import Cache, Raw
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.reflector import Reflector
from orchestrator.kube.resources import PODS
from orchestrator.models.labels import EXECUTION_UID
from orchestrator.process.backoff import Backoff
from orchestrator.process.bounded_set import BoundedSet
from orchestrator.process.tasks import cancel, first_of, start

logger = logging.getLogger(__name__)

MAX_FOLLOWS = 200
"""Logs that are followed at a time; that of another pod is read when one has ended, or its own
container has."""
MAX_READS = 16
"""Logs of ended containers that are read at a time."""
BATCH = 500
"""Pods that are compared with the database in one query."""
MAX_DONE = 100_000
"""Pods that are remembered as done; the database knows the others."""
DELETED_MEANWHILE = "its pod was deleted while its log was not read"


class LogKeeper:
    """Keeps logs while it runs; `on_kept` is called with the uid of the execution of each."""

    def __init__(
        self,
        client: ApiClient,
        store: LogStore,
        metrics: LogMetrics,
        *,
        namespaces: Collection[str] = (),
        limit: Limit,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client, self._store, self._limit = client, store, limit
        self._namespaces = frozenset(namespaces)
        self._sleep, self._monotonic = sleep, monotonic
        self._metrics = metrics
        self._follows = Slots(MAX_FOLLOWS)
        reads = asyncio.Semaphore(MAX_READS)
        self._sources = ReaderSources(
            client, self._follows, reads, metrics, sleep, clock, monotonic
        )
        self.on_kept: Callable[[str], None] = lambda _: None
        self._done: BoundedSet[str] = BoundedSet(MAX_DONE)
        self._reset()
        metrics.observe(followed=lambda: self._follows.used, waiting=lambda: len(self._pods))

    def _reset(self) -> None:
        self._cache = Cache()
        self._pods: dict[str, WatchedPod] = {}
        """Pods that have begun and whose logs are not kept, by uid."""
        self._of_execution: Counter[tuple[str, str]] = Counter()
        """How many there are by namespace and uid of the execution. A pod of another namespace can
        have the label, too."""
        self._new: dict[str, WatchedPod] = {}
        """Those that are not compared with the database yet."""
        self._wake = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._readers: dict[str, PodLogReader] = {}
        self.reflector = Reflector(
            self._client,
            PODS,
            self._cache,
            namespaces=self._namespaces,
            label_selector=EXECUTION_UID,
            in_part=True,
            transform=_projected,
            on_event=self._on_event,
            monotonic=self._monotonic,
        )

    async def run(self) -> None:
        """Keep logs until cancelled."""
        self._reset()
        tasks = [
            start(self.reflector.run(), "pod watch"),
            start(self._begin(), "logs"),
        ]
        abandoning = start(self._abandon(), "abandoned logs")
        never = asyncio.Event()
        try:
            await first_of(never, tasks, abandoning)
            await abandoning
            await first_of(never, tasks)
        finally:
            await cancel([*tasks, abandoning, *self._tasks.values()])

    def refusal(self) -> str:
        """Why logs may not be read; empty if they may."""
        return next((each.refusal for each in self._readers.values() if each.refusal), "")

    async def has_kept(self, execution: Raw) -> bool:
        """Whether the logs of an ended execution are kept, or given up. Raises ApiError and
        UnavailableError."""
        metadata, status = execution["metadata"], execution.get("status") or {}
        uid = metadata["uid"]
        if not any("job" in record for record in (status.get("nodes") or {}).values()):
            return True
        mine = metadata["namespace"], uid
        if self._of_execution[mine] or not self.reflector.synced.is_set():
            return False
        found, _ = await self._client.list(
            PODS,
            metadata["namespace"],
            label_selector=f"{EXECUTION_UID}={uid}",
            metadata_only=True,
            project=_named,
        )
        for pod in found:
            known = self._cache.get(metadata["namespace"], pod["name"])
            if known is None or known["metadata"]["uid"] != pod["uid"]:
                return False  # the watch will show it
        return not self._of_execution[mine] and not await self._store.unfinished(mine)

    # Pods

    def _on_event(self, kind: str, raw: Raw, old: Raw | None) -> None:
        uid = raw["metadata"]["uid"]
        if old is not None and old["metadata"]["uid"] != uid:  # replaced under the same name
            self._ended(old["metadata"]["uid"])
        if kind == "DELETED":
            self._ended(uid)
        elif uid not in self._done and (raw["begun"] or raw["ended"]):
            self._watch(raw)

    def _watch(self, raw: Raw) -> None:
        metadata = raw["metadata"]
        uid = metadata["uid"]
        pod = self._pods.get(uid)
        if pod is None:
            owner = metadata["execution"]
            pod = WatchedPod(uid, metadata["namespace"], metadata["name"], owner)
            self._pods[uid] = self._new[uid] = pod
            self._of_execution[pod.execution] += 1
            self._wake.set()
        if raw["ended"]:
            pod.failed = raw["failed"]
            pod.ended.set()

    def _ended(self, uid: str) -> None:
        if (pod := self._pods.get(uid)) is not None:
            pod.ended.set()

    # Logs

    async def _begin(self) -> None:
        """Start to keep the logs of new pods, unless the database has them."""
        backoff = Backoff(self._sleep)
        while True:
            if not self._new:
                self._wake.clear()
                await self._wake.wait()
            taken = {uid: self._new[uid] for uid in list(self._new)[:BATCH]}
            try:
                outcomes = await self._store.outcomes(taken)
            except UnavailableError as error:
                logger.debug("logs are kept later: %s", error)
                self._metrics.failures.labels("store").inc()
                await backoff.pause()
                continue
            backoff.succeeded()
            for uid, pod in taken.items():
                del self._new[uid]
                if outcomes.get(uid, Outcome.OPEN) is not Outcome.OPEN:
                    self._forget(pod)
                else:
                    self._tasks[uid] = start(self._keep(pod), f"log of {pod.namespace}/{pod.name}")

    async def _keep(self, pod: WatchedPod) -> None:
        backoff = Backoff(self._sleep)
        while True:
            try:
                if (identity := await self._identity(pod)) is not None:
                    await self._keep_as(pod, identity)
                break
            except (UnavailableError, ApiError, StaleError) as error:
                logger.debug("the log of %s/%s is kept later: %s", pod.namespace, pod.name, error)
                what = "read" if isinstance(error, ApiError) else "store"
                self._metrics.failures.labels(what).inc()
                await backoff.pause()
            except Exception:
                logger.exception("the log of %s/%s is not kept", pod.namespace, pod.name)
                break
        self._forget(pod)

    async def _keep_as(self, pod: WatchedPod, identity: LogIdentity) -> None:
        writer = LogWriter(self._store, identity, self._limit, self._metrics, self._sleep)
        if not await writer.open():
            return
        reader = self._readers[pod.uid] = PodLogReader(self._sources, pod, writer)
        await reader.run()

    async def _identity(self, pod: WatchedPod) -> LogIdentity | None:
        """Whose log it is; None if the pod is gone, and nothing of its log is stored."""
        try:
            raw = await self._client.get(PODS, pod.namespace, pod.name)
        except ApiError as error:
            if error.status != 404:
                raise
            raw = None
        if raw is None or raw["metadata"]["uid"] != pod.uid:
            return await self._store.identity(pod.uid)
        node, attempt = node_and_attempt(raw)
        created_at = round(from_rfc3339(raw["metadata"]["creationTimestamp"]) * 1000)
        return LogIdentity(
            pod.uid, pod.execution_uid, pod.namespace, pod.name, node, attempt, index_of(raw),
            created_at,
        )  # fmt: skip

    def _forget(self, pod: WatchedPod) -> None:
        self._done.add(pod.uid)
        self._pods.pop(pod.uid, None)
        self._tasks.pop(pod.uid, None)
        self._readers.pop(pod.uid, None)
        self._of_execution[pod.execution] -= 1
        if self._of_execution[pod.execution] <= 0:
            del self._of_execution[pod.execution]
            self.on_kept(pod.execution_uid)

    async def _abandon(self) -> None:
        """Give up the logs whose pods were deleted while no recorder ran."""
        await self.reflector.synced.wait()
        backoff = Backoff(self._sleep)
        while True:
            there = {raw["metadata"]["uid"] for raw in self._cache}
            try:
                for identity in await self._store.unfinished():
                    ours = not self._namespaces or identity.namespace in self._namespaces
                    if ours and identity.pod_uid not in there:
                        await self._give_up(identity)
                return
            except UnavailableError as error:
                logger.debug("abandoned logs are given up later: %s", error)
                await backoff.pause()

    async def _give_up(self, identity: LogIdentity) -> None:
        if identity.pod_uid in self._pods:
            return
        found = await self._store.reopen(identity.pod_uid)
        if found is None or found.state.outcome is not Outcome.OPEN:
            return
        state = found.state
        state.outcome, state.reason = Outcome.CUT, DELETED_MEANWHILE
        state.ended_at = round(self._sources.clock() * 1000)
        try:
            await self._store.save(identity, state)
        except StaleError:
            return
        self._metrics.kept.labels(Outcome.CUT.value).inc()
        self.on_kept(identity.execution_uid)


def _projected(raw: Raw) -> Raw:
    """What is cached of a pod: there may be many."""
    metadata = raw["metadata"]
    kept: dict[str, Any] = {
        field: metadata[field] for field in ("namespace", "name", "uid", "resourceVersion")
    }
    kept["execution"] = (metadata.get("labels") or {}).get(EXECUTION_UID, "")
    ended = has_ended(raw)
    return {
        "metadata": kept,
        "begun": has_begun(raw),
        "ended": ended,
        "failed": ended and not has_succeeded(raw),
    }


def _named(raw: Raw) -> Raw:
    return {field: raw["metadata"][field] for field in ("name", "uid")}
