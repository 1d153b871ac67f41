"""Runs one task for each listener that this replica holds the claim of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiError
from orchestrator.models.reasons import Reason
from orchestrator.receiver.listeners.claims import EveryClaim
from orchestrator.receiver.listeners.errors import SourceError
from orchestrator.receiver.listeners.listener_session import Health, ListenerSession, backoff
from orchestrator.receiver.listeners.registry import Driver, driver_of
from orchestrator.receiver.listeners.volumes import Volumes
from orchestrator.receiver.metrics import TriggerLabels
from orchestrator.receiver.secrets import SecretError
from orchestrator.receiver.shared import Shared, labels_of
from orchestrator.triggers.registry import Trigger
from orchestrator.triggers.sources import Listener

logger = logging.getLogger(__name__)

CHECK_SECONDS = 1.0
"""Seconds between two comparisons of the triggers and claims with the tasks."""
MAX_SILENCE = 300.0
"""Seconds without a heartbeat after which a listener counts as hung. All waits of a driver have a
shorter timeout, so this is a bug and no outage of a server."""
STABLE_SECONDS = 10.0
"""Seconds after which a source that fails is tried again before that is reported: servers end
connections now and then."""
MAX_BACKOFF = 60.0
"""Maximum seconds between two attempts to read a source."""
STOP_SECONDS = 5.0
"""Seconds that listeners get to end."""


@dataclass(slots=True)
class _Running:
    """A listener that runs."""

    generation: int
    labels: TriggerLabels
    health: Health
    task: asyncio.Task[None]


class Listeners:
    """The listeners of this replica."""

    def __init__(
        self,
        shared: Shared,
        claims: EveryClaim,
        volumes: Volumes,
        drivers: Callable[[str], Driver] = driver_of,
    ) -> None:
        self._shared = shared
        self._claims = claims
        self._volumes = volumes
        self._drivers = drivers
        self._running: dict[str, _Running] = {}
        """By uid of the trigger."""

    def unready(self) -> list[str]:
        """The listeners whose loop hangs, in words."""
        now = self._shared.monotonic()
        silences = (now - each.health.beat_at for each in self._running.values())
        hung = sum(silence > MAX_SILENCE for silence in silences)
        text = f"{hung} listeners have been hung for more than {MAX_SILENCE:.0f} seconds"
        return [text] if hung else []

    async def run(self) -> None:
        """Run until cancelled; listeners then end before their claims are given up."""
        claiming = asyncio.create_task(self._claims.run(), name="claims")
        try:
            while not claiming.done():
                await self._compare()
                await asyncio.sleep(CHECK_SECONDS)
            await claiming
        finally:
            await self._stop(list(self._running))
            claiming.cancel()
            await asyncio.gather(claiming, return_exceptions=True)
            await self._claims.stop()

    async def _compare(self) -> None:
        """Stop the listeners that have changed or belong to others, and start those missing."""
        wanted = {raw["metadata"]["uid"]: (raw, trigger) for raw, trigger in await self._triggers()}
        self._claims.want(wanted.keys(), self._running.keys())
        stale = [
            uid
            for uid, running in self._running.items()
            if uid not in self._claims.held
            or uid not in wanted
            or wanted[uid][0]["metadata"]["generation"] != running.generation
            or running.task.done()
        ]
        await self._stop(stale)
        for uid, (raw, trigger) in wanted.items():
            if uid in self._claims.held and uid not in self._running:
                self._start(uid, raw, trigger)
        self._report()

    async def _triggers(self) -> list[tuple[Raw, Trigger]]:
        found = []
        for raw in list(self._shared.triggers):
            trigger = await self._shared.specs.read(raw)
            if trigger is not None and isinstance(trigger.type.source, Listener):
                found.append((raw, trigger))
        return found

    def _start(self, uid: str, raw: Raw, trigger: Trigger) -> None:
        health = Health(self._shared.monotonic())
        listening = ListenerSession(self._shared, raw, trigger, self._volumes, health)
        task = asyncio.create_task(self._listen(listening), name=f"listener {listening.name}")
        generation = raw["metadata"]["generation"]
        self._running[uid] = _Running(generation, labels_of(raw, trigger), health, task)

    async def _stop(self, uids: list[str]) -> None:
        """End listeners, and store what they have reached, for the replica that continues."""
        tasks = [self._running.pop(uid).task for uid in uids]
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        _, pending = await asyncio.wait(tasks, timeout=STOP_SECONDS)
        for task in pending:
            logger.error("%s does not end", task.get_name())
        await self._shared.statuses.flush()

    async def _listen(self, listening: ListenerSession) -> None:
        """Run the driver until cancelled, and say why it cannot listen."""
        failures = 0
        while True:
            listening.beat()
            failed = await self._attempt(listening)
            since = listening.health.receiving_since
            listening.health.receiving_since = None
            if failed is None:
                failures = 0
                continue
            if since is not None and self._shared.monotonic() > since + STABLE_SECONDS:
                failures = 0
            else:
                await self._not_receiving(listening, failed)
            listening.health.connected = False
            await listening.pause(backoff(failures, MAX_BACKOFF))
            failures += 1

    async def _attempt(self, listening: ListenerSession) -> SourceError | None:
        """Run the driver once; the failure, None if it asks to be started again."""
        name = listening.name
        try:
            await self._drivers(listening.trigger.type.key)(listening)
        except SourceError as error:
            logger.info("trigger %s is not listened to: %s", name, error.message)
            return error
        except SecretError as error:
            return SourceError(error.message, error.reason)
        except ApiError as error:
            logger.warning("trigger %s is listened to later: %s", name, error)
            return SourceError(f"the API server does not answer: {error}", Reason.NOT_RECEIVED)
        except Exception:
            logger.exception("the listener of trigger %s failed", name)
            return SourceError("the receiver failed; its log says why", Reason.NOT_RECEIVED)
        return None

    async def _not_receiving(self, listening: ListenerSession, failed: SourceError) -> None:
        conditions = self._shared.conditions
        try:
            await conditions.not_receiving(listening.raw, failed.reason, failed.message)
        except ApiError as error:
            logger.warning("the condition of %s is written later: %s", listening.name, error)

    def _report(self) -> None:
        connected = {each.labels: each.health.connected for each in self._running.values()}
        self._shared.metrics.listening(connected)
