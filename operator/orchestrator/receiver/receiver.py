"""The receiver: its parts, started in order and stopped in order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from functools import partial

from orchestrator.dispatch.compute import Inline
from orchestrator.dispatch.creator import Creator
from orchestrator.dispatch.deliverer import Deliverer
from orchestrator.dispatch.specs import Specs
from orchestrator.dispatch.startable import Startable
from orchestrator.dispatch.status import TriggerStatusWriter
from orchestrator.kube.cache import Cache, Raw, key_of
from orchestrator.kube.client import ApiClient
from orchestrator.kube.projection import without_managed_fields
from orchestrator.kube.reflector import Reflector
from orchestrator.kube.resources import EXECUTIONS, TRIGGERS
from orchestrator.process.background_loop import InlineLoop
from orchestrator.process.health import serve as serve_probes
from orchestrator.process.recorder import Recorder
from orchestrator.process.tasks import cancel, first_of, start
from orchestrator.receiver.admission import WatchedAdmission
from orchestrator.receiver.callers import Callers
from orchestrator.receiver.conditions import Conditions
from orchestrator.receiver.handler import Handler
from orchestrator.receiver.history import History, project_execution
from orchestrator.receiver.limits import Limits
from orchestrator.receiver.listeners.claims import Claims, EveryClaim
from orchestrator.receiver.listeners.supervisor import Listeners
from orchestrator.receiver.listeners.volumes import Volumes
from orchestrator.receiver.metrics import ReceiverMetrics
from orchestrator.receiver.requests import RequestTriggers
from orchestrator.receiver.secrets import Secrets
from orchestrator.receiver.server import Address, Server, follow, serving
from orchestrator.receiver.shared import Shared
from orchestrator.receiver.slack.interactions import PATH, SlackInteractions
from orchestrator.receiver.statuses import Statuses
from orchestrator.triggers.registry import REGISTRY, Registry

logger = logging.getLogger(__name__)

OF_TRIGGERS = "spec.trigger.uid!="
"""Selects executions that triggers created. Labels are no evidence: any editor can set them."""

FLUSH_SECONDS = 8.0
"""Seconds for the last statuses when the receiver is stopped."""


class Receiver:
    """Follows Triggers and their executions, answers requests and runs listeners."""

    def __init__(
        self,
        client: ApiClient,
        address: Address,
        *,
        namespaces: Collection[str] = (),
        health_address: str = "",
        limits: Limits | None = None,
        audiences: Collection[str] = (),
        version: str = "",
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        offload: Inline | None = None,
        registry: Registry = REGISTRY,
        slack: SlackInteractions | None = None,
        volumes: Volumes | None = None,
        claims: tuple[str, str] | None = None,
        on_listening: Callable[[Server], None] = lambda _: None,
    ) -> None:
        """`slack` answers clicks in Slack, which are refused without it; `on_listening` is called
        once requests are answered.

        `claims` are the namespace of the Leases by which replicas share their listeners, and the
        identity of this replica; without them it runs all.
        """
        self._address = address
        self._health_address = health_address
        self._limits = limits or Limits()
        self._offload = offload or Inline()
        self._on_listening = on_listening
        self._history = History()
        self._recorder = Recorder(client, clock)
        triggers = Cache()
        metrics = ReceiverMetrics(version)
        metrics.observe(client)
        writer = TriggerStatusWriter(client, clock, triggers)
        creator = Creator(client, self._recorder.emit)
        admission = WatchedAdmission(creator, self._history, clock)
        self.shared = Shared(
            client=client,
            clock=clock,
            monotonic=monotonic,
            namespaces=tuple(namespaces),
            triggers=triggers,
            specs=Specs(registry, self._offload),
            secrets=Secrets(client, monotonic),
            conditions=Conditions(client, clock, triggers, self._recorder.emit),
            statuses=Statuses(writer, clock),
            deliverer=Deliverer(
                admission, clock, self._offload, lambda *_: None, Startable(client)
            ),
            emit=self._recorder.emit,
            metrics=metrics,
        )
        self._requests = RequestTriggers(self.shared)
        shares = EveryClaim()
        if claims is not None:
            shares = Claims(client, *claims, self.shared.namespaces, monotonic)
        self._listeners = Listeners(self.shared, shares, volumes or Volumes())
        callers = Callers(client, monotonic, tuple(audiences))
        self._slack = slack
        others = {} if slack is None else {PATH: slack.answer}
        self._handler = Handler(self.shared, callers, self._offload, self._limits, others)
        watch = partial(Reflector, client, namespaces=self.shared.namespaces, monotonic=monotonic)
        self.reflectors = [
            watch(
                TRIGGERS,
                triggers,
                transform=without_managed_fields,
                on_event=self._on_trigger,
            ),
            watch(
                EXECUTIONS,
                Cache(),
                field_selector=OF_TRIGGERS,
                metadata_only=True,
                transform=project_execution,
                on_event=self._history.on_event,
            ),
        ]

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set; raises the failure of a part that ended unexpectedly."""
        watches = [start(reflector.run(), reflector.name) for reflector in self.reflectors]
        if self._health_address:
            probes = serve_probes(
                self._health_address,
                self.reflectors,
                self.shared.metrics.text,
                InlineLoop(),
                self._listeners.unready,
            )
            watches.append(start(probes, "probes"))
        workers: list[asyncio.Task[None]] = []
        background: list[asyncio.Task[None]] = []
        synced = start(self._synced(), "first lists")
        try:
            await first_of(stop, watches, synced)
            if stop.is_set():
                return
            background += [
                start(self._recorder.run(), "events"),
                start(self.shared.statuses.run(), "statuses"),
            ]
            workers += [
                start(self._requests.run(), "request triggers"),
                start(self._listeners.run(), "listeners"),
            ]
            async with serving(self._address, self._handler.answer, self._limits) as server:
                background.append(start(follow(server), "certificate"))
                logger.info("requests are received at port %d", server.port)
                self._on_listening(server)
                await first_of(stop, [*watches, *background, *workers])
            # Here all requests are answered.
            if self._slack is not None:
                await self._slack.close()
        finally:
            await cancel([synced, *workers])
            await self._flush()
            await self._recorder.flush(2.0)
            await cancel([*background, *watches])
            self._offload.stop()

    async def _flush(self) -> None:
        """Write the last counts, unless the API server is unreachable."""
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                await self.shared.statuses.flush()
        except TimeoutError:
            logger.warning("the last counts of triggers were not written")

    async def _synced(self) -> None:
        for reflector in self.reflectors:
            await reflector.synced.wait()

    def _on_trigger(self, kind: str, raw: Raw, old: Raw | None) -> None:
        if kind == "DELETED" or (old and old["metadata"]["uid"] != raw["metadata"]["uid"]):
            gone = old or raw
            self.shared.specs.forget(key_of(gone))
            self._history.forget(gone["metadata"])
            metadata = gone["metadata"]
            self.shared.metrics.forget_trigger(metadata["namespace"], metadata["name"])
        if kind != "DELETED":
            self._requests.changed(raw)
