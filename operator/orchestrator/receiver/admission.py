"""Admits events by the watched history of their trigger, many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from orchestrator.dispatch.creator import Creator
from orchestrator.dispatch.delivery import Delivery, admit
from orchestrator.dispatch.status import TriggerProgress
from orchestrator.models.labels import EVENT
from orchestrator.models.trigger import TriggerSpec
from orchestrator.receiver.history import Both, History, TriggerHistory
from orchestrator.triggers.plan import PlannedExecution
from orchestrator.triggers.sources import Event


class WatchedAdmission:
    """Counts the executions that the watch reports and those that this process has created since.

    Deliveries of the same event, or of the same dedupe.key, wait for each other; others do not.
    """

    def __init__(self, creator: Creator, history: History, clock: Callable[[], float]) -> None:
        self._creator = creator
        self._history = history
        self._clock = clock
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    async def start(
        self,
        trigger: Mapping[str, Any],
        spec: TriggerSpec,
        event: Event,
        start: PlannedExecution,
        progress: TriggerProgress,
    ) -> Delivery:
        """See orchestrator.dispatch.admission.Admission."""
        del progress
        async with self._locked(f"{trigger['uid']}/{start.dedupe or start.labels[EVENT]}"):
            history = self._history.of(trigger)
            admitted = await self._admitted(history, start, spec, event)
            if isinstance(admitted, Delivery):
                return admitted
            with history.creating(admitted, self._clock()):
                delivery = await self._creator.create(trigger, admitted)
                if delivery.created is not None:
                    history.add(delivery.created)
            return delivery

    async def _admitted(
        self, history: TriggerHistory, start: PlannedExecution, spec: TriggerSpec, event: Event
    ) -> PlannedExecution | Delivery:
        """The execution to create, once that no longer depends on what is being created."""
        waited = False
        while (admitted := self._decided(history, start, spec, event)) is None:
            await history.settled()
            waited = True
        if waited:
            history.wake()
        return admitted

    def _decided(
        self, history: TriggerHistory, start: PlannedExecution, spec: TriggerSpec, event: Event
    ) -> PlannedExecution | Delivery | None:
        """The execution to create; None if that depends on what is being created."""
        now = self._clock()
        admitted = admit(start, spec, event, Both(history, history.pending), now)
        if isinstance(admitted, PlannedExecution):
            return admitted
        # What is only being created may fail yet: it must not cost another event its execution.
        certain = admit(start, spec, event, history, now)
        return certain if isinstance(certain, Delivery) or not history.pending else None

    @asynccontextmanager
    async def _locked(self, key: str) -> AsyncIterator[None]:
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = lock, users - 1
