"""Reconciles triggers: a driver delivers the events of their source, and the status reports them.

The mark of a trigger advances only when the results before it are stored, so after a crash events
are delivered again; an execution's name is the hash of its event, so a repeated delivery finds the
existing execution.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from orchestrator.controller.triggers.changes_driver import ChangesDriver
from orchestrator.controller.triggers.clock_driver import ClockDriver
from orchestrator.controller.triggers.watch_driver import MARGIN_SECONDS, WatchDriver
from orchestrator.dispatch.admission import LiveAdmission
from orchestrator.dispatch.compute import Inline
from orchestrator.dispatch.creator import Creator, Emit, HeldUpError
from orchestrator.dispatch.deliverer import Deliverer, OnDelivered
from orchestrator.dispatch.specs import Specs
from orchestrator.dispatch.startable import Startable
from orchestrator.dispatch.status import (
    TriggerProgress,
    TriggerStatusWriter,
    progress_of,
)
from orchestrator.kube.cache import Cache, Key, Raw, key_of
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import Resource
from orchestrator.models.reasons import EventReason
from orchestrator.process.queue import WorkQueue
from orchestrator.triggers.readiness import Access
from orchestrator.triggers.registry import REGISTRY, Registry, Trigger
from orchestrator.triggers.sources import Changes, Clock, Watch

logger = logging.getLogger(__name__)

RESYNC_SECONDS = 60.0
"""Maximum seconds between two reconciliations of a trigger with a clock: the clock may be
corrected."""
FLUSH_SECONDS = 2.0
"""Maximum seconds that the end of a process waits for the last writes of statuses."""
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
        on_access: Callable[[Key], None] = lambda _key: None,
    ) -> None:
        """`on_access` is called with a trigger whose access to its resource has changed."""
        offload = offload or Inline()
        self._clock = clock
        self._triggers = triggers
        self._creator = Creator(client, emit)
        self._specs = Specs(registry, offload)
        self._status = TriggerStatusWriter(client, clock, triggers)
        self._admission = LiveAdmission(self._creator, clock)
        deliverer = Deliverer(self._admission, clock, offload, on_delivered, Startable(client))
        self._clock_driver = ClockDriver(deliverer)
        self._watch_driver = WatchDriver(client, registry, self._specs, deliverer)
        self._changes_driver = ChangesDriver(
            client,
            clock,
            deliverer,
            wake=self._wake,
            on_access=on_access,
            on_reset=self._warn_of_reset,
        )
        self.queue: WorkQueue[Key] = WorkQueue("triggers")
        self._known: set[Key] = set()
        self._delays: dict[Key, float] = {}
        """Seconds between two tries for triggers whose executions a quota refuses."""
        self._reconciled: dict[Key, Trigger | None] = {}
        """Each trigger as last reconciled; None if it was invalid."""

    def changed(self, raw: Raw) -> None:
        """A trigger was created or changed."""
        key = key_of(raw)
        self._changes_driver.note(raw)
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
        self._changes_driver.forget(key)
        self._admission.forget(raw["metadata"]["uid"])
        self._reconciled.pop(key, None)
        self._delays.pop(key, None)

    def held(self) -> Iterable[str]:
        """The namespaces of triggers whose execution a quota refuses; any thread may call this."""
        return [namespace or "" for namespace, _ in list(self._delays)]

    def access(self, key: Key) -> Access:
        """Whether the API server lets the trigger follow its resource."""
        return self._changes_driver.access(key)

    def observe(self, resource: Resource, raw: Raw) -> None:
        """An object may have caused an event; repeated observations count once."""
        for key in self._watch_driver.observe(resource, raw, self._triggers):
            self.queue.add(key)

    async def run(self) -> None:
        """Reconcile until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._changes_driver.run(), name="changes")
            group.create_task(self.queue.run(self._reconcile, workers=WORKERS), name="triggers")

    async def flush(self) -> None:
        """Write the progress that statuses do not include yet, as far as possible within seconds.

        Once the next process runs, an execution that someone has deleted meanwhile does not start
        again.
        """
        try:
            async with asyncio.timeout(FLUSH_SECONDS):
                for key, progress in self._changes_driver.unsaved(self._clock()):
                    if (raw := self._triggers.get(*key)) is not None:
                        await self._write_last(key, raw, progress)
        except TimeoutError:
            logger.info("not all marks of triggers were written in time: events are repeated")

    async def _write_last(self, key: Key, raw: Raw, progress: TriggerProgress) -> None:
        """Write a status before the end of the process; one that is refused holds up no other."""
        try:
            await self._status.write(raw, progress)
            self._changes_driver.written(key, self._clock())
        except ApiError as error:
            logger.info("trigger %s/%s: its mark was not written: %s", *key, error)

    async def _reconcile(self, key: Key) -> float | None:
        raw = self._triggers.get(*key)
        if raw is None:
            return None
        trigger = await self._specs.read(raw)
        if self._triggers.get(*key) is not raw:
            return 0.0  # it was edited or deleted while its spec was parsed
        if trigger is None:
            self._changes_driver.leave(key)
            self._reconciled[key] = None
            return None
        now = self._clock()
        progress = progress_of(raw, now, first=key not in self._reconciled)
        if isinstance(trigger.type.source, Changes):
            return await self._follow(key, raw, trigger, progress)
        self._changes_driver.leave(key)
        driven = isinstance(trigger.type.source, Clock | Watch)
        if driven and self._listens_to_something_else(key, trigger):
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

    async def _follow(
        self, key: Key, raw: Raw, trigger: Trigger, progress: TriggerProgress
    ) -> float | None:
        """A pass over a trigger that follows changes, whose status is written less often."""
        progress = self._changes_driver.resume(raw, trigger, progress)
        failure: Exception | None = None
        try:
            await self._changes_driver.drive(raw, trigger, progress)
        except Exception as error:
            failure = error
        if self._changes_driver.finish(key, progress, self._clock()):
            await self._status.write(raw, progress)  # completed work counts, whatever failed
            self._changes_driver.written(key, self._clock())
        if not self._is_there(raw):
            return None
        if isinstance(failure, HeldUpError):
            return self._hold(key, raw, str(failure))
        if failure is not None:
            raise failure
        self._reconciled[key], progress.first = trigger, False
        self._delays.pop(key, None)
        return self._seconds_until(progress.again)

    def _wake(self, key: Key) -> None:
        if key not in self._delays:  # otherwise its next pass tries the first event again
            self.queue.add(key)

    def _warn_of_reset(self, key: Key, versions: str) -> None:
        raw = self._triggers.get(*key)
        if raw is not None:
            message = (
                f"the mark went back from version {versions}, the cluster's current one: its state "
                "was restored from a backup, and changes since then may be missing"
            )
            self._creator.warn(raw["metadata"], EventReason.MARK_RESET, message)

    def _seconds_until(self, moment: float | None) -> float | None:
        if moment is None:
            return None
        return min(max(moment - self._clock(), 0.05), RESYNC_SECONDS)

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
