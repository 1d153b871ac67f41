"""Reconciles triggers: a driver delivers the events of their source, and the status reports them.

The mark of a trigger advances only when the results before it are stored, so after a crash events
are delivered again; an execution's name is the hash of its event, so a repeated delivery finds the
existing execution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from orchestrator.controller.offload import Inline
from orchestrator.controller.queue import WorkQueue
from orchestrator.controller.triggers.clock_driver import ClockDriver
from orchestrator.controller.triggers.create import Creator, Emit, HeldUpError
from orchestrator.controller.triggers.delivery import Deliverer, OnDelivered
from orchestrator.controller.triggers.specs import Specs
from orchestrator.controller.triggers.status import (
    TriggerProgress,
    TriggerStatusWriter,
    progress_of,
)
from orchestrator.controller.triggers.watch_driver import MARGIN_SECONDS, WatchDriver
from orchestrator.kube.cache import Cache, Key, Raw, key_of
from orchestrator.kube.client import ApiClient
from orchestrator.kube.resources import Resource
from orchestrator.models.reasons import EventReason
from orchestrator.triggers.registry import REGISTRY, Registry, Trigger
from orchestrator.triggers.trigger_type import Clock, Watch

RESYNC_SECONDS = 60.0
"""Maximum seconds between two reconciliations of a trigger with a clock: the clock may be
corrected."""
MAX_RETRY_SECONDS = 30.0
"""Maximum seconds between two creations that a quota refuses; the first delay is 2."""
WORKERS = 4


class Triggers:
    """Reconciles one trigger after the other."""

    def __init__(
        self,
        client: ApiClient,
        clock: Callable[[], float],
        triggers: Cache,
        emit: Emit,
        offload: Inline | None = None,
        registry: Registry = REGISTRY,
        on_delivered: OnDelivered = lambda *_: None,
    ) -> None:
        offload = offload or Inline()
        self._clock = clock
        self._triggers = triggers
        self._creator = Creator(client, emit)
        self._specs = Specs(registry, offload)
        self._status = TriggerStatusWriter(client, clock, triggers)
        deliverer = Deliverer(self._creator, clock, offload, on_delivered)
        self._clock_driver = ClockDriver(deliverer)
        self._watch_driver = WatchDriver(client, registry, self._specs, deliverer)
        self.queue: WorkQueue[Key] = WorkQueue("triggers")
        self._known: set[Key] = set()
        self._delays: dict[Key, float] = {}
        """Seconds between two tries for triggers whose executions a quota refuses."""
        self._reconciled: dict[Key, Trigger | None] = {}
        """Each trigger as last reconciled; None if it was invalid."""

    def changed(self, raw: Raw) -> None:
        """A trigger was created or changed."""
        key = key_of(raw)
        if key not in self._known:
            self._known.add(key)
            self._watch_driver.catch_up(raw)
        self.queue.add(key)

    def forget(self, raw: Raw) -> None:
        """Forget a deleted trigger."""
        key = key_of(raw)
        self._known.discard(key)
        self._specs.forget(key)
        self._watch_driver.forget(key)
        self._reconciled.pop(key, None)
        self._delays.pop(key, None)

    def held(self) -> Iterable[str]:
        """The namespaces of triggers whose execution a quota refuses; any thread may call this."""
        return [namespace or "" for namespace, _ in list(self._delays)]

    def observe(self, resource: Resource, raw: Raw) -> None:
        """An object may have caused an event; repeated observations count once."""
        for key in self._watch_driver.observe(resource, raw, self._triggers):
            self.queue.add(key)

    async def run(self) -> None:
        """Reconcile until cancelled."""
        await self.queue.run(self._reconcile, workers=WORKERS)

    async def _reconcile(self, key: Key) -> float | None:
        raw = self._triggers.get(*key)
        if raw is not None:
            await self._specs.prepare(raw)
            raw = self._triggers.get(*key)
        if raw is None:
            self._specs.forget(key)  # it may have been deleted while its spec was parsed
            return None
        trigger = self._specs.of(raw)
        if trigger is None:
            self._reconciled[key] = None
            return None
        now = self._clock()
        progress = progress_of(raw, now, first=key not in self._reconciled)
        if self._listens_to_something_else(key, trigger):
            # Earlier events are not for it, whichever process reconciles it later.
            margin = 0.0 if isinstance(trigger.type.source, Clock) else MARGIN_SECONDS
            progress.mark = max(progress.mark, now + margin)
        try:
            await self._drive(raw, trigger, progress, now)
        except Exception as error:
            await self._status.write(raw, progress)  # completed work counts, whatever failed
            if key in self._reconciled:
                self._reconciled[key] = trigger  # keeps what it listens to since its edit
            if isinstance(error, HeldUpError):
                return self._hold(key, raw, str(error))
            raise
        await self._status.write(raw, progress)
        if not self._is_there(raw):
            return None
        self._reconciled[key] = trigger
        self._delays.pop(key, None)
        again = progress.again
        return None if again is None else min(max(again - now, 0.05), RESYNC_SECONDS)

    async def _drive(
        self, raw: Raw, trigger: Trigger, progress: TriggerProgress, now: float
    ) -> None:
        match trigger.type.source:
            case Clock() as clock:
                await self._clock_driver.drive(raw, trigger, clock, progress, now)
            case Watch() as watch:
                await self._watch_driver.drive(raw, trigger, watch, progress)

    def _listens_to_something_else(self, key: Key, trigger: Trigger) -> bool:
        """Whether its source or settings differ from the last pass, or it was invalid then."""
        if key not in self._reconciled:
            return False
        old = self._reconciled[key]
        return old is None or not old.listens_as(trigger)

    def _is_there(self, raw: Raw) -> bool:
        """Whether the trigger still exists and was not replaced; otherwise its state is
        discarded."""
        known = self._triggers.get(*key_of(raw))
        return known is not None and known["metadata"]["uid"] == raw["metadata"]["uid"]

    def _hold(self, key: Key, raw: Raw, why: str) -> float | None:
        """Keep the events of a trigger whose execution a quota refuses; returns the seconds to the
        next try."""
        if not self._is_there(raw):
            return None
        if key not in self._delays:
            message = f"{why}; the event waits until its execution can be created"
            self._creator.warn(raw["metadata"], EventReason.QUOTA_EXCEEDED, message)
        delay = self._delays[key] = min(2 * self._delays.get(key, 1.0), MAX_RETRY_SECONDS)
        return delay
