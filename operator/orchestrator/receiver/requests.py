"""The triggers that take requests: whether the receiver can verify these, kept up to date."""

from __future__ import annotations

from orchestrator.kube.cache import Key, Raw, key_of
from orchestrator.process.queue import WorkQueue
from orchestrator.receiver.secrets import SecretError
from orchestrator.receiver.shared import Shared, labels_of
from orchestrator.triggers.readiness import RECEIVING, is_received
from orchestrator.triggers.sources import Requests

CHECK_SECONDS = 10.0
"""Seconds between two reads of Secrets that cannot be used."""
WORKERS = 4


class RequestTriggers:
    """Writes the condition of each trigger that takes requests."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self.queue: WorkQueue[Key] = WorkQueue("request triggers")

    def changed(self, raw: Raw) -> None:
        """A trigger was created or changed."""
        self.queue.add(key_of(raw))

    async def run(self) -> None:
        """Work until cancelled."""
        await self.queue.run(self._reconcile, workers=WORKERS)

    async def _reconcile(self, key: Key) -> float | None:
        raw = self._shared.triggers.get(*key)
        if raw is None:
            return None
        trigger = await self._shared.specs.read(raw)
        if trigger is None:
            return None  # the operator says what is invalid
        if not is_received(trigger):
            await self._remove(raw)
            return None
        source = trigger.type.source
        takes_requests = isinstance(source, Requests)
        self._shared.metrics.trigger_seen(labels_of(raw, trigger), takes_requests=takes_requests)
        if not isinstance(source, Requests):
            return None
        try:
            keys = source.secrets(trigger.settings)
            await self._shared.secrets.values(raw["metadata"], keys)
        except SecretError as error:
            await self._shared.conditions.not_receiving(raw, error.reason, error.message)
            return CHECK_SECONDS
        metadata = raw["metadata"]
        path = f"/triggers/{metadata['namespace']}/{metadata['name']}"
        await self._shared.conditions.receiving(raw, f"requests are received at {path}")
        return None

    async def _remove(self, raw: Raw) -> None:
        conditions = (raw.get("status") or {}).get("conditions") or []
        if any(each.get("type") == RECEIVING for each in conditions):
            await self._shared.conditions.remove(raw)
