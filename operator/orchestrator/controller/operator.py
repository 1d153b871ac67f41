"""The operator's parts, put together, started in order and stopped in order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from orchestrator.controller.definitions.definitions import Definitions
from orchestrator.controller.definitions.incidents import incident_status
from orchestrator.controller.definitions.templates import template_status
from orchestrator.controller.definitions.triggers import TriggerJudge
from orchestrator.controller.definitions.workflows import Workflows
from orchestrator.controller.executions.act.lingering import LingeringPods
from orchestrator.controller.executions.admission.accounts import ServiceAccounts
from orchestrator.controller.executions.admission.protection import Protection
from orchestrator.controller.executions.admission.revisions import Revisions
from orchestrator.controller.executions.cleanup.retention import Retention
from orchestrator.controller.executions.held import Held
from orchestrator.controller.executions.news import News
from orchestrator.controller.executions.observe.pending import PendingPods
from orchestrator.controller.executions.reconciler import ExecutionReconciler
from orchestrator.controller.executions.shell import Shell
from orchestrator.controller.informers import Caches, Watches
from orchestrator.controller.offload import Inline
from orchestrator.controller.queue import WorkQueue
from orchestrator.controller.side import SameLoop
from orchestrator.controller.tasks import cancel, first_of, start
from orchestrator.controller.telemetry.figures import Figures
from orchestrator.controller.telemetry.health import serve
from orchestrator.controller.telemetry.metrics import MetricsWriter
from orchestrator.controller.telemetry.recorder import Recorder
from orchestrator.controller.triggers.reconcile import Triggers
from orchestrator.kube import resources
from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiClient
from orchestrator.kube.kopf_watch import Follow, follow_definitions
from orchestrator.kube.lease import Lease
from orchestrator.kube.livejobs import LiveJobs
from orchestrator.kube.livereads import LiveReads
from orchestrator.triggers.registry import REGISTRY, Registry

logger = logging.getLogger(__name__)

RESYNC_INTERVAL = 300.0
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
        policy_reads: float | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        follow: Follow = follow_definitions,
        offload: Inline | None = None,
        side: SameLoop | None = None,
        trigger_types: Registry = REGISTRY,
        webhook: Callable[[Caches], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        """With a `lease` it works while it holds it, and stands by otherwise.

        `side` keeps the lease and serves probes and `webhook`; `offload` does long work.

        The admission policies are read every `policy_reads` seconds though nothing asks for them,
        while it stands by too. `follow` reports Workflows and Incidents until it is asked to stop.
        """
        self._client = client
        self._lease = lease
        self._policy_reads = policy_reads
        self._protection = Protection(client, clock)
        self._clock = clock
        self._monotonic = monotonic
        self._workers = workers
        self._health_address = health_address
        self._caches = Caches()
        self._offload = offload or Inline()
        self._side = side or SameLoop()
        self._webhook = webhook
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
            self._caches.jobs,
            self._caches.pods,
            lambda job: self.news.on_pending(job),
            namespaces=namespaces,
        )
        self.lingering = LingeringPods(
            client,
            self._caches.jobs,
            self._caches.pods,
            lambda job, pod, containers: self.news.on_rest_stopped(job, pod, containers),
        )
        emit = self.recorder.emit
        self.triggers = Triggers(
            client, self._clock, self._caches.triggers, emit, self._offload, trigger_types
        )
        judge = Workflows(
            self._caches.workflows,
            self._caches.templates,
            self._caches.cluster_templates,
            runner_image,
        )
        trigger_judge = TriggerJudge(
            client, self._caches.workflows, self._caches.triggers, trigger_types
        )
        self.definitions = self._build_definitions(judge, trigger_judge)
        shell = self._build_shell(runner_image)
        revisions = Revisions(shell)
        self.retention = Retention(
            shell, revisions, triggers=self._caches.triggers, namespaces=namespaces
        )
        self.held = Held(shell, revisions)
        self.reconciler = ExecutionReconciler(shell, revisions, self.held)
        self.news = News(shell, self.held)
        self.watches = Watches(
            client,
            self._caches,
            namespaces=namespaces,
            news=self.news,
            judge=judge,
            trigger_judge=trigger_judge,
            definitions=self.definitions,
            triggers=self.triggers,
            monotonic=monotonic,
            follow=follow,
        )

    # Building

    def _build_shell(self, runner_image: str) -> Shell:
        return Shell(
            client=self._client,
            clock=self._clock,
            executions=self._caches.executions,
            jobs=self._caches.jobs,
            pods=self._caches.pods,
            workflows=self._caches.workflows,
            templates=self._caches.templates,
            cluster_templates=self._caches.cluster_templates,
            pending=self.pending,
            lingering=self.lingering,
            queue=self.queue,
            recorder=self.recorder,
            metrics=self.metrics,
            figures=self.figures,
            remember=self._on_ended,
            accounts=ServiceAccounts(self._client, self._clock),
            protection=self._protection,
            live_jobs=LiveJobs(self._client, self._caches.jobs),
            live_reads=LiveReads(self._client),
            runner_image=runner_image,
            offload=self._offload,
        )

    def _build_definitions(self, judge: Workflows, trigger_judge: TriggerJudge) -> Definitions:
        return Definitions(
            self._client,
            self._clock,
            caches={
                resources.WORKFLOWS: self._caches.workflows,
                resources.TEMPLATES: self._caches.templates,
                resources.CLUSTER_TEMPLATES: self._caches.cluster_templates,
                resources.TRIGGERS: self._caches.triggers,
                resources.INCIDENTS: self._caches.incidents,
            },
            statuses={
                resources.WORKFLOWS: judge.status,
                resources.TEMPLATES: template_status,
                resources.CLUSTER_TEMPLATES: template_status,
                resources.INCIDENTS: incident_status,
            },
            offload=self._offload,
            live={resources.TRIGGERS: trigger_judge.status},
        )

    def _on_ended(self, raw: Raw) -> None:
        self.retention.remember(raw)
        self.triggers.observe(resources.EXECUTIONS, raw)

    # Running

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set; raises what made a part of it end on its own."""
        reflectors = self.watches.reflectors
        watches = [start(reflector.run(), reflector.name) for reflector in reflectors]
        watches.append(start(self.pending.run(), "pending pods"))
        if self._policy_reads is not None:
            watches.append(start(self._protection.run(self._policy_reads), "policies"))
        workers: list[asyncio.Task[None]] = []
        background: list[asyncio.Task[None]] = []
        leasing: list[asyncio.Task[None]] = []
        kopf: list[asyncio.Task[None]] = []
        try:
            if self._health_address:
                serves = serve(self._health_address, reflectors, self.figures, self._side)
                watches.append(start(self._side.run(serves), "probes"))
            synced = start(self.watches.synced(), "first lists")
            background.append(synced)
            await first_of(stop, watches, synced)
            if stop.is_set():
                return
            background.remove(synced)
            if self._webhook is not None:
                watches.append(start(self._side.run(self._webhook(self._caches)), "webhook"))
            if self._lease is not None and not await self._elected(
                stop, watches, leasing, self._lease
            ):
                return
            logger.info(
                "all caches are synced; %d executions to reconcile", len(self._caches.executions)
            )
            self.news.begin()
            kopf.append(start(self.watches.run_kopf(), "kopf"))
            background += [
                start(self.recorder.run(), "events"),
                start(self.metrics.run(), "metrics"),
            ]
            workers += [
                start(self.queue.run(self._pass, self._workers), "executions"),
                start(self.definitions.run(), "definitions"),
                start(self.lingering.run(), "lingering pods"),
                start(self._resync(), "slow resync"),
                start(self.retention.run(), "retention"),
                start(self._run_triggers(), "triggers"),
            ]
            await first_of(stop, [*watches, *kopf, *background, *leasing, *workers])
        finally:
            for task in kopf:
                task.cancel()
            try:
                await cancel(workers)  # passes under way are finished first
                self._offload.stop()
                if kopf:
                    await self.reconciler.flush()
                    await self.metrics.flush()
                    await self.recorder.flush(2.0)
            finally:
                await cancel(leasing)  # or a renewal could take back what is released
                if self._lease is not None:
                    await self._side.run(self._lease.release())
                await cancel([*background, *watches])
                await asyncio.gather(*kopf, return_exceptions=True)  # its thread takes a moment

    async def _elected(
        self,
        stop: asyncio.Event,
        watches: list[asyncio.Task[None]],
        leasing: list[asyncio.Task[None]],
        lease: Lease,
    ) -> bool:
        """Wait for the lease and keep it from then on; False when it was asked to stop."""
        acquired = start(self._side.run(lease.acquire()), "lease")
        leasing.append(acquired)
        await first_of(stop, watches, acquired)
        if stop.is_set():
            return False
        leasing.remove(acquired)
        self._client.guard_writes(lease.check)
        leasing.append(start(self._side.run(lease.keep()), "lease"))
        return True

    async def _pass(self, key: tuple[str, str]) -> float | None:
        began = self._monotonic()
        try:
            return await self.reconciler.reconcile(*key)
        finally:
            self.figures.passed(key, self._monotonic() - began)

    async def _run_triggers(self) -> None:
        """Once all that ended is known: a trigger's mark must not pass what it has not observed."""
        await self.metrics.recovered.wait()
        await self.triggers.run()

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(RESYNC_INTERVAL)
            for raw in self._caches.executions:
                key = (raw["metadata"]["namespace"], raw["metadata"]["name"])
                self.held.note(key, None)
                self.queue.add(key)
