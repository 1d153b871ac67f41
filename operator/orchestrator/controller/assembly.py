"""The operator's parts, put together, started in order and stopped in order."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection

from orchestrator.controller.apiserver.cache import Cache, Jobs, Pods, Raw, key_of
from orchestrator.controller.apiserver.client import ApiClient
from orchestrator.controller.apiserver.lean import lean, lean_job, lean_pod
from orchestrator.controller.apiserver.lease import Lease
from orchestrator.controller.apiserver.livejobs import LiveJobs
from orchestrator.controller.apiserver.livereads import LiveReads
from orchestrator.controller.apiserver.reflector import Reflector
from orchestrator.controller.apiserver.resources import (
    CLUSTER_TEMPLATES,
    EXECUTIONS,
    INCIDENTS,
    JOBS,
    PODS,
    TEMPLATES,
    TRIGGERS,
    WORKFLOWS,
    Resource,
)
from orchestrator.controller.apiserver.watching import Follow, follow_definitions
from orchestrator.controller.definitions.definitions import Definitions
from orchestrator.controller.definitions.incidents import incident_status
from orchestrator.controller.definitions.templates import template_status
from orchestrator.controller.definitions.triggers import trigger_status
from orchestrator.controller.definitions.workflows import Workflows
from orchestrator.controller.execution.accounts import ServiceAccounts
from orchestrator.controller.execution.admission import Revisions
from orchestrator.controller.execution.held import Held
from orchestrator.controller.execution.news import News
from orchestrator.controller.execution.pending import PendingPods
from orchestrator.controller.execution.protection import Protection
from orchestrator.controller.execution.reconciler import ExecutionReconciler
from orchestrator.controller.execution.retention import Retention
from orchestrator.controller.execution.shell import Shell
from orchestrator.controller.queue import WorkQueue
from orchestrator.controller.reporting.figures import Figures
from orchestrator.controller.reporting.health import serving
from orchestrator.controller.reporting.metrics import TERMINAL, MetricsWriter
from orchestrator.controller.reporting.recorder import Recorder
from orchestrator.controller.tasks import cancel, first_of, start
from orchestrator.controller.triggering.running import Triggers
from orchestrator.models.labels import EXECUTION_UID

logger = logging.getLogger(__name__)

NOT_ENDED = ",".join(f"status.phase!={phase.value}" for phase in TERMINAL)
ENDED_PODS = "status.phase!=Pending,status.phase!=Running"
LOOK_AGAIN = 300.0
"""Seconds from one pass over every execution to the next, whatever the watches say."""


class Operator:
    """The caches, what fills them, and what works on them."""

    def __init__(
        self,
        client: ApiClient,
        *,
        namespaces: Collection[str] = (),
        runner_image: str,
        workers: int = 128,
        health_address: str = "",
        lease: Lease | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        follow: Follow = follow_definitions,
    ) -> None:
        """With a `lease` it works while it holds it, and stands by otherwise.

        `follow` tells of Workflows and Incidents until it is told to stop.
        """
        self._client = client
        self._lease = lease
        self._clock = clock
        self._monotonic = monotonic
        self._follow = follow
        self._namespaces = tuple(namespaces)
        self._workers = workers
        self._health_address = health_address
        self.workflows, self.executions = Cache(), Cache()
        self.templates, self.cluster_templates = Cache(), Cache()
        self.jobs, self.pods = Jobs(), Pods()
        self.queue: WorkQueue[tuple[str, str]] = WorkQueue("execution")
        self.figures = Figures()
        self.figures.watch(
            lambda: len(self.queue),
            lambda: float(lease is None or lease.held),
            client.answers,
        )
        self.recorder = Recorder(client, self._clock)
        self.metrics = MetricsWriter(client, namespaces=namespaces, seen=self._on_ended)
        self.pending = PendingPods(
            client,
            self.jobs,
            self.pods,
            lambda job: self.news.on_pending(job),
            namespaces=namespaces,
        )
        self._judge = Workflows(
            self.workflows, self.templates, self.cluster_templates, runner_image
        )
        self._trigger_cache = Cache()
        self._silent = asyncio.Event()
        """A watch fell silent: all is listed anew."""
        self.triggers = Triggers(client, self._clock, self._trigger_cache)
        self.definitions = self._build_definitions()
        shell = self._build_shell(runner_image)
        revisions = Revisions(shell)
        self.retention = Retention(
            shell, revisions, triggers=self._trigger_cache, namespaces=namespaces
        )
        self.held = Held(shell, revisions)
        self.reconciler = ExecutionReconciler(shell, revisions, self.held)
        self.news = News(shell, self.held)
        self.reflectors = self._build_reflectors()

    # Building

    def _build_shell(self, runner_image: str) -> Shell:
        return Shell(
            client=self._client,
            clock=self._clock,
            executions=self.executions,
            jobs=self.jobs,
            pods=self.pods,
            workflows=self.workflows,
            templates=self.templates,
            cluster_templates=self.cluster_templates,
            pending=self.pending,
            queue=self.queue,
            recorder=self.recorder,
            metrics=self.metrics,
            figures=self.figures,
            remember=self._on_ended,
            accounts=ServiceAccounts(self._client, self._clock),
            protection=Protection(self._client, self._clock),
            live_jobs=LiveJobs(self._client),
            live_reads=LiveReads(self._client),
            runner_image=runner_image,
        )

    def _build_definitions(self) -> Definitions:
        return Definitions(
            self._client,
            self._clock,
            caches={
                WORKFLOWS: self.workflows,
                TEMPLATES: self.templates,
                CLUSTER_TEMPLATES: self.cluster_templates,
                TRIGGERS: self._trigger_cache,
                INCIDENTS: Cache(),
            },
            statuses={
                WORKFLOWS: self._judge.status,
                TEMPLATES: template_status,
                CLUSTER_TEMPLATES: template_status,
                TRIGGERS: trigger_status,
                INCIDENTS: incident_status,
            },
        )

    def _build_reflectors(self) -> list[Reflector]:
        client, namespaces = self._client, self._namespaces
        return [
            Reflector(
                client,
                EXECUTIONS,
                self.executions,
                namespaces=namespaces,
                field_selector=NOT_ENDED,
                transform=lean,
                on_event=self.news.on_execution,
                on_silence=self._silent.set,
                monotonic=self._monotonic,
            ),
            Reflector(
                client,
                JOBS,
                self.jobs,
                namespaces=namespaces,
                label_selector=EXECUTION_UID,
                in_part=True,
                transform=lean_job,
                on_event=self.news.on_job,
                monotonic=self._monotonic,
            ),
            Reflector(
                client,
                PODS,
                self.pods,
                namespaces=namespaces,
                label_selector=EXECUTION_UID,
                field_selector=ENDED_PODS,
                in_part=True,
                transform=lean_pod,
                on_event=self.news.on_pod,
                monotonic=self._monotonic,
            ),
            self._trigger_reflector(),
            self._template_reflector(TEMPLATES, self.templates),
            self._template_reflector(CLUSTER_TEMPLATES, self.cluster_templates),
        ]

    def _template_reflector(self, resource: Resource, cache: Cache) -> Reflector:
        def on_event(kind: str, raw: Raw, old: Raw | None) -> None:
            if kind != "DELETED":
                self.definitions.look(resource, raw)
            if kind == "MODIFIED" and old is not None and _generation(old) == _generation(raw):
                return
            for namespace, name in self._judge.users_of(raw):
                self.definitions.look_at(WORKFLOWS, namespace, name)

        return Reflector(
            self._client,
            resource,
            cache,
            namespaces=self._namespaces,
            transform=lean,
            on_event=on_event,
            monotonic=self._monotonic,
        )

    def _trigger_reflector(self) -> Reflector:
        def on_event(kind: str, raw: Raw, old: Raw | None) -> None:
            if kind == "DELETED" or (old and old["metadata"]["uid"] != raw["metadata"]["uid"]):
                self.triggers.forget(old or raw)
            if kind != "DELETED":
                self.definitions.look(TRIGGERS, raw)
                self.triggers.look(raw)

        return Reflector(
            self._client,
            TRIGGERS,
            self._trigger_cache,
            namespaces=self._namespaces,
            transform=lean,
            on_event=on_event,
            monotonic=self._monotonic,
        )

    # Events of definitions

    def _on_ended(self, raw: Raw) -> None:
        self.retention.remember(raw)
        self.triggers.ended(raw)

    def _on_definition(self, resource: Resource, kind: str | None, raw: Raw) -> None:
        old = self.workflows.get(*key_of(raw)) if resource is WORKFLOWS else None
        self.definitions.take(resource, kind, raw)
        if resource is not WORKFLOWS or (old and kind and _generation(old) == _generation(raw)):
            return
        for namespace, name in self._judge.parents_of(raw):
            self.definitions.look_at(WORKFLOWS, namespace, name)

    # Running

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set; raises what made a part of it end on its own."""
        watches = [start(reflector.run(), reflector.name) for reflector in self.reflectors]
        watches.append(start(self.pending.run(), "pending pods"))
        workers: list[asyncio.Task[None]] = []
        background: list[asyncio.Task[None]] = []
        kopf: list[asyncio.Task[None]] = []
        try:
            async with serving(self._health_address, self.reflectors, self.figures):
                synced = start(self._synced(), "first lists")
                background.append(synced)
                await first_of(stop, watches, synced)
                if stop.is_set():
                    return
                background.remove(synced)
                if self._lease is not None and not await self._elected(
                    stop, watches, background, self._lease
                ):
                    return
                logger.info("everything is listed; %d executions to look at", len(self.executions))
                self.news.begin()
                kopf.append(start(self._watch_definitions(), "kopf"))
                background += [
                    start(self.recorder.run(), "events"),
                    start(self.metrics.run(), "metrics"),
                ]
                workers += [
                    start(self.queue.run(self._pass, self._workers), "executions"),
                    start(self.definitions.run(), "definitions"),
                    start(self._look_again(), "slow resync"),
                    start(self.retention.run(), "retention"),
                    start(self._run_triggers(), "triggers"),
                ]
                await first_of(stop, [*watches, *kopf, *background, *workers])
        finally:
            for task in kopf:
                task.cancel()
            try:
                await cancel(workers)  # passes under way are finished first
                if kopf:
                    await self.reconciler.flush()
                    await self.metrics.flush()
                    await self.recorder.flush(2.0)
            finally:
                if self._lease is not None:
                    await self._lease.release()
                await cancel([*background, *watches])
                await asyncio.gather(*kopf, return_exceptions=True)  # its thread takes a moment

    async def _elected(
        self,
        stop: asyncio.Event,
        watches: list[asyncio.Task[None]],
        background: list[asyncio.Task[None]],
        lease: Lease,
    ) -> bool:
        """Wait for the lease and keep it from then on; False when it was told to stop."""
        acquired = start(lease.acquire(), "lease")
        background.append(acquired)
        await first_of(stop, watches, acquired)
        if stop.is_set():
            return False
        background.remove(acquired)
        self._client.guard_writes(lease.check)
        background.append(start(lease.keep(), "lease"))
        return True

    async def _pass(self, key: tuple[str, str]) -> float | None:
        began = self._monotonic()
        try:
            return await self.reconciler.reconcile(*key)
        finally:
            self.figures.passed(key, self._monotonic() - began)

    async def _synced(self) -> None:
        for reflector in self.reflectors:
            await reflector.synced.wait()

    async def _run_triggers(self) -> None:
        """Once all that ended is known: a trigger's mark must not pass what it was not told of."""
        await self.metrics.recovered.wait()
        await self.triggers.run()

    async def _look_again(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            for raw in self.executions:
                key = (raw["metadata"]["namespace"], raw["metadata"]["name"])
                self.held.note(key, None)
                self.queue.add(key)

    async def _watch_definitions(self) -> None:
        """kopf, begun anew when a watch fell silent.

        It never lists again on its own: where etcd was restored from a backup, it would wait for
        versions that are still to come.
        """
        while True:
            self._silent.clear()
            stop = threading.Event()
            kopf = asyncio.create_task(self._follow_definitions(stop))
            silent = asyncio.create_task(self._silent.wait())
            try:
                await asyncio.wait([kopf, silent], return_when=asyncio.FIRST_COMPLETED)
                if kopf.done():
                    await kopf
                    raise RuntimeError("kopf ended on its own; its log says why")
                logger.info("a watch fell silent: Workflows and Incidents are listed anew")
            finally:
                stop.set()
                silent.cancel()
                await asyncio.gather(kopf, return_exceptions=True)  # its thread takes a moment

    async def _follow_definitions(self, stop: threading.Event) -> None:
        loop = asyncio.get_running_loop()

        def take(resource: Resource, kind: str | None, raw: Raw) -> None:
            loop.call_soon_threadsafe(self._on_definition, resource, kind, lean(raw))

        await self._follow(
            self._client.credentials, (WORKFLOWS, INCIDENTS), self._namespaces, take, stop
        )


def _generation(raw: Raw) -> int:
    generation: int = raw["metadata"]["generation"]
    return generation
