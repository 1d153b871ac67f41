"""The session of a listener: its Secrets, the delivery of its events, its position and health."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.dispatch.creator import HeldUpError
from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiError
from orchestrator.models.base import parse_duration
from orchestrator.receiver.listeners.volumes import Volumes
from orchestrator.receiver.shared import Shared
from orchestrator.triggers.positions import Position, parse_position
from orchestrator.triggers.registry import Trigger
from orchestrator.triggers.sources import Event, Listener, SecretKey

logger = logging.getLogger(__name__)

MAX_CONCURRENT_DELIVERIES = 8
"""Events of a trigger that are delivered at the same time."""
FIRST_BACKOFF, MAX_BACKOFF = 1.0, 60.0
"""Seconds between two deliveries of an event that could not be stored."""


@dataclass(slots=True)
class Health:
    """The state of a listener, for probes and backoff. Times by the monotonic clock."""

    beat_at: float
    """The last heartbeat of its loop."""
    receiving_since: float | None = None
    """Since when it reads its source without a failure."""
    connected: bool = False
    """Whether it read its source at the last attempt."""


@dataclass(slots=True)
class ListenerSession:
    """The listener of a Trigger, until the Trigger changes."""

    shared: Shared
    raw: Raw
    """The Trigger at the start of the session; its status may be older than what is stored."""
    trigger: Trigger
    volumes: Volumes
    health: Health
    memory: dict[str, Any] = field(default_factory=dict)
    """State that a driver keeps across attempts, such as its position."""

    @property
    def name(self) -> str:
        """NAMESPACE/NAME."""
        metadata = self.raw["metadata"]
        return f"{metadata['namespace']}/{metadata['name']}"

    def beat(self) -> None:
        """Record that the loop is alive, also while the source cannot be reached."""
        self.health.beat_at = self.shared.monotonic()

    async def pause(self, seconds: float) -> None:
        """Wait, with heartbeats."""
        while seconds > 0:
            self.beat()
            await asyncio.sleep(min(seconds, 30.0))
            seconds -= 30.0
        self.beat()

    async def secrets(self, *, fresh: bool = False) -> list[bytes]:
        """The values of all keys that the type names, in their order. Raises SecretError, and
        ApiError if the API server does not answer."""
        source = self.trigger.type.source
        assert isinstance(source, Listener)
        keys: Sequence[SecretKey] = source.secrets(self.trigger.settings)
        metadata = self.raw["metadata"]
        values: list[bytes] = []
        for key in keys:
            values += await self.shared.secrets.values(metadata, [key], fresh=fresh)
        return values

    async def rotated(self, secrets: Sequence[bytes]) -> bool:
        """Whether the Secrets have other values by now; not while the API server does not answer.
        Raises SecretError if they cannot be used any more."""
        try:
            return await self.secrets() != list(secrets)
        except ApiError as error:
            logger.info("trigger %s: Secrets are read later: %s", self.name, error)
            return False

    async def receiving(self, message: str) -> None:
        """The source is read. Raises ApiError."""
        await self.shared.conditions.receiving(self.raw, message)
        self.health.connected = True
        if self.health.receiving_since is None:
            self.health.receiving_since = self.shared.monotonic()

    def position(self, source: str) -> Position | None:
        """The position that was reached in a source; None if it is read for the first time."""
        known: Position | None = self.memory.get("position")
        if known is not None and known.source == source:
            return known
        metadata = self.raw["metadata"]
        current = self.shared.triggers.get(metadata["namespace"], metadata["name"]) or self.raw
        position = parse_position((current.get("status") or {}).get("mark"), source)
        if position is not None:
            self.memory["position"] = position
        return position

    async def begin(self, position: Position) -> None:
        """Store the first position, before anything is delivered: what is older is no event, also
        after a crash. Raises ApiError."""
        await self.shared.statuses.store(self.raw, position.text())
        self.memory["position"] = position

    def reached(self, position: Position) -> None:
        """Everything up to a position has been handled. It is stored with the next batch."""
        self.shared.statuses.reached(self.raw, position.text())

    def failed(self, message: str) -> None:
        """Report what went wrong in the trigger's status (`lastError`)."""
        self.shared.failed(self.raw, message)

    async def deliver(self, events: Sequence[Event]) -> None:
        """Deliver events. Each is stored, or needs no execution, once this returns: until then they
        are tried again. While the trigger is suspended, events start nothing."""
        if self.trigger.spec.suspend or not events:
            return
        slots = asyncio.Semaphore(MAX_CONCURRENT_DELIVERIES)

        async def one(event: Event) -> None:
            async with slots:
                await self._deliver(event)

        async with asyncio.TaskGroup() as group:
            for event in events:
                group.create_task(one(event))

    async def _deliver(self, event: Event) -> None:
        failures = 0
        while True:
            self.beat()
            try:
                await self.shared.deliver(self.raw, self.trigger, event)
            except HeldUpError as error:
                self.failed(str(error))
            except ApiError as error:
                logger.warning("trigger %s: an event is delivered later: %s", self.name, error)
            else:
                return
            await self.pause(backoff(failures, MAX_BACKOFF))
            failures += 1


def interval_of(text: str) -> float:
    """Seconds until a source is read again: listeners spread over a tenth of the interval."""
    return parse_duration(text) * random.uniform(0.9, 1.0)


def backoff(failures: int, longest: float) -> float:
    """Seconds to wait after so many earlier failures in a row, with jitter."""
    return min(FIRST_BACKOFF * 2.0 ** min(failures, 20), longest) * random.uniform(0.5, 1.0)
