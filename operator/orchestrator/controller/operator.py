"""The operator: its components, started in order and stopped in order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, field
from typing import Any

from orchestrator.controller.components import Components, Settings
from orchestrator.dispatch.compute import Inline
from orchestrator.engine.people.protection import INSTALLATION
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.kopf_watch import Follow, follow_definitions
from orchestrator.kube.lease import Lease
from orchestrator.process.background_loop import InlineLoop
from orchestrator.process.health import serve
from orchestrator.process.tasks import cancel, first_of, start
from orchestrator.triggers.registry import REGISTRY, Registry

logger = logging.getLogger(__name__)

RESYNC_INTERVAL = 300.0
"""Seconds between two passes over every execution, whatever the watches report."""


@dataclass(slots=True)
class _Tasks:
    """The running tasks of the operator, by when they are stopped."""

    watches: list[asyncio.Task[None]]
    leasing: list[asyncio.Task[None]] = field(default_factory=list)
    kopf: list[asyncio.Task[None]] = field(default_factory=list)
    background: list[asyncio.Task[None]] = field(default_factory=list)
    workers: list[asyncio.Task[None]] = field(default_factory=list)

    def all(self) -> list[asyncio.Task[None]]:
        """The tasks, none of which ends before the operator stops."""
        return [*self.watches, *self.kopf, *self.background, *self.leasing, *self.workers]


class Operator:
    """Runs the caches, the watches that fill them, and the queues that process them."""

    def __init__(
        self,
        client: ApiClient,
        *,
        namespaces: Collection[str] = (),
        installation: str = INSTALLATION,
        runner_image: str,
        workers: int = 128,
        health_address: str = "",
        lease: Lease | None = None,
        policy_reads: float | None = None,
        version: str = "",
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        follow: Follow = follow_definitions,
        offload: Inline | None = None,
        side: InlineLoop | None = None,
        trigger_types: Registry = REGISTRY,
        webhook: Callable[[Components], Coroutine[Any, Any, None]] | None = None,
        history: bool = False,
        tracing: bool = False,
    ) -> None:
        """With a `lease` it works while it holds it, and is on standby otherwise.

        `side` renews the lease and serves probes and `webhook`; `offload` runs long work.

        The admission policies are read every `policy_reads` seconds even if they are not needed,
        also on standby. `follow` reports Workflows and Incidents until it is stopped. With
        `history`, retention removes what the history has recorded; with `tracing`, Jobs and
        sub-executions continue the trace of their execution.
        """
        self._client = client
        self._lease = lease
        self._policy_reads = policy_reads
        self._monotonic = monotonic
        self._workers = workers
        self._health_address = health_address
        self._offload = offload or Inline()
        self._side = side or InlineLoop()
        self._webhook = webhook
        self.components = Components(
            Settings(
                client=client,
                namespaces=namespaces,
                installation=installation,
                runner_image=runner_image,
                clock=clock,
                monotonic=monotonic,
                follow=follow,
                offload=self._offload,
                trigger_types=trigger_types,
                history=history,
                tracing=tracing,
            )
        )
        self.components.measure(lease, self._side, version)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set; raises the failure of a component that ended unexpectedly."""
        tasks = _Tasks(watches=self._start_watches())
        try:
            if not await self._wait_until_ready(stop, tasks):
                return
            logger.info(
                "all caches are synced; %d executions to reconcile",
                len(self.components.caches.executions),
            )
            self._start_work(tasks)
            await first_of(stop, tasks.all())
        finally:
            await self._stop(tasks)

    def _start_watches(self) -> list[asyncio.Task[None]]:
        components = self.components
        reflectors = components.watches.reflectors
        watches = [start(reflector.run(), reflector.name) for reflector in reflectors]
        watches.append(start(components.pending.run(), "pending pods"))
        if self._policy_reads is not None:
            watches.append(start(components.protection.run(self._policy_reads), "policies"))
        if self._health_address:
            metrics = components.operator_metrics.text
            probes = serve(self._health_address, reflectors, metrics, self._side)
            watches.append(start(self._side.run(probes), "probes"))
        return watches

    async def _wait_until_ready(self, stop: asyncio.Event, tasks: _Tasks) -> bool:
        """Wait until all caches are synced and this replica is the leader; False if it is
        stopped."""
        synced = start(self.components.watches.synced(), "first lists")
        tasks.background.append(synced)
        await first_of(stop, tasks.watches, synced)
        if stop.is_set():
            return False
        tasks.background.remove(synced)
        if self._webhook is not None:
            webhook = self._webhook(self.components)
            tasks.watches.append(start(self._side.run(webhook), "webhook"))
        return self._lease is None or await self._wait_until_elected(stop, tasks, self._lease)

    async def _wait_until_elected(self, stop: asyncio.Event, tasks: _Tasks, lease: Lease) -> bool:
        """Wait for the lease and keep it from then on; False if it was stopped."""
        acquired = start(self._side.run(lease.acquire()), "lease")
        tasks.leasing.append(acquired)
        await first_of(stop, tasks.watches, acquired)
        if stop.is_set():
            return False
        tasks.leasing.remove(acquired)
        self._client.guard_writes(lease.check)
        tasks.leasing.append(start(self._side.run(lease.keep()), "lease"))
        return True

    def _start_work(self, tasks: _Tasks) -> None:
        components = self.components
        components.events.begin()
        tasks.kopf.append(start(components.watches.run_kopf(), "kopf"))
        tasks.background += [
            start(components.recorder.run(), "events"),
            start(components.workflow_metrics.run(), "metrics"),
        ]
        tasks.workers += [
            start(components.queue.run(self._pass, self._workers), "executions"),
            start(components.definitions.run(), "definitions"),
            start(components.sidecars.run(), "stuck sidecars"),
            start(self._resync(), "slow resync"),
            start(components.retention.run(), "retention"),
            start(self._run_triggers(), "triggers"),
        ]

    async def _stop(self, tasks: _Tasks) -> None:
        for task in tasks.kopf:
            task.cancel()
        try:
            await cancel(tasks.workers)  # passes in flight finish first
            self._offload.stop()
            if tasks.kopf:
                await self.components.reconciler.flush()
                await self.components.triggers.flush()
                await self.components.workflow_metrics.flush()
                await self.components.recorder.flush(2.0)
        finally:
            await cancel(tasks.leasing)  # otherwise a renewal could take back the released lease
            if self._lease is not None:
                await self._side.run(self._lease.release())
            await cancel([*tasks.background, *tasks.watches])
            # kopf's thread takes a moment to end.
            await asyncio.gather(*tasks.kopf, return_exceptions=True)

    async def _pass(self, key: tuple[str, str]) -> float | None:
        began = self._monotonic()
        try:
            return await self.components.reconciler.reconcile(*key)
        finally:
            self.components.operator_metrics.reconciled(key, self._monotonic() - began)

    async def _run_triggers(self) -> None:
        """Only once all ended executions are known: a trigger's mark must not pass what it has not
        observed."""
        await self.components.workflow_metrics.recovered.wait()
        await self.components.triggers.run()

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(RESYNC_INTERVAL)
            for raw in self.components.caches.executions:
                key = (raw["metadata"]["namespace"], raw["metadata"]["name"])
                self.components.active.note(key, None)
                self.components.queue.add(key)
            try:
                await self.components.watches.drop_missing()
            except ApiError as error:
                logger.warning("the next resync lists Workflows and Incidents: %s", error)
