"""The operator: its parts, started in order and stopped in order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from orchestrator.controller.parts import Parts, Settings
from orchestrator.dispatch.computing import Inline
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
        webhook: Callable[[Parts], Coroutine[Any, Any, None]] | None = None,
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
        self.parts = Parts(
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
        self.parts.measure(lease, self._side, version)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set; raises the failure of a part that ended unexpectedly."""
        reflectors = self.parts.watches.reflectors
        watches = [start(reflector.run(), reflector.name) for reflector in reflectors]
        watches.append(start(self.parts.pending.run(), "pending pods"))
        if self._policy_reads is not None:
            watches.append(start(self.parts.protection.run(self._policy_reads), "policies"))
        workers: list[asyncio.Task[None]] = []
        background: list[asyncio.Task[None]] = []
        leasing: list[asyncio.Task[None]] = []
        kopf: list[asyncio.Task[None]] = []
        try:
            if self._health_address:
                serves = serve(
                    self._health_address, reflectors, self.parts.operator_metrics.text, self._side
                )
                watches.append(start(self._side.run(serves), "probes"))
            synced = start(self.parts.watches.synced(), "first lists")
            background.append(synced)
            await first_of(stop, watches, synced)
            if stop.is_set():
                return
            background.remove(synced)
            if self._webhook is not None:
                watches.append(start(self._side.run(self._webhook(self.parts)), "webhook"))
            if self._lease is not None and not await self._elected(
                stop, watches, leasing, self._lease
            ):
                return
            logger.info(
                "all caches are synced; %d executions to reconcile",
                len(self.parts.caches.executions),
            )
            self.parts.events.begin()
            kopf.append(start(self.parts.watches.run_kopf(), "kopf"))
            background += [
                start(self.parts.recorder.run(), "events"),
                start(self.parts.workflow_metrics.run(), "metrics"),
            ]
            workers += [
                start(self.parts.queue.run(self._pass, self._workers), "executions"),
                start(self.parts.definitions.run(), "definitions"),
                start(self.parts.sidecars.run(), "stuck sidecars"),
                start(self._resync(), "slow resync"),
                start(self.parts.retention.run(), "retention"),
                start(self._run_triggers(), "triggers"),
            ]
            await first_of(stop, [*watches, *kopf, *background, *leasing, *workers])
        finally:
            for task in kopf:
                task.cancel()
            try:
                await cancel(workers)  # passes in flight finish first
                self._offload.stop()
                if kopf:
                    await self.parts.reconciler.flush()
                    await self.parts.triggers.flush()
                    await self.parts.workflow_metrics.flush()
                    await self.parts.recorder.flush(2.0)
            finally:
                await cancel(leasing)  # otherwise a renewal could take back the released lease
                if self._lease is not None:
                    await self._side.run(self._lease.release())
                await cancel([*background, *watches])
                await asyncio.gather(
                    *kopf, return_exceptions=True
                )  # its thread takes a moment to end

    async def _elected(
        self,
        stop: asyncio.Event,
        watches: list[asyncio.Task[None]],
        leasing: list[asyncio.Task[None]],
        lease: Lease,
    ) -> bool:
        """Wait for the lease and keep it from then on; False if it was stopped."""
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
            return await self.parts.reconciler.reconcile(*key)
        finally:
            self.parts.operator_metrics.reconciled(key, self._monotonic() - began)

    async def _run_triggers(self) -> None:
        """Only once all ended executions are known: a trigger's mark must not pass what it has not
        observed."""
        await self.parts.workflow_metrics.recovered.wait()
        await self.parts.triggers.run()

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(RESYNC_INTERVAL)
            for raw in self.parts.caches.executions:
                key = (raw["metadata"]["namespace"], raw["metadata"]["name"])
                self.parts.active.note(key, None)
                self.parts.queue.add(key)
            try:
                await self.parts.watches.drop_missing()
            except ApiError as error:
                logger.warning("the next resync lists Workflows and Incidents: %s", error)
