"""Emits Kubernetes Events: deduplicated, in the background, and dropped first under load."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from orchestrator.engine.times import to_rfc3339
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import EVENTS
from orchestrator.models.plain_text import plain_text
from orchestrator.models.reasons import EventReason

logger = logging.getLogger(__name__)

CAPACITY = 1000
"""Events that wait to be written; more are dropped."""
BURST, RATE = 60.0, 5.0
"""Events at once, and a second in the long run: each costs the API server what a status does."""
SPARED = 30.0
"""Portion of the burst reserved for Warning Events."""
REPEAT_SECONDS = 600.0
"""Seconds during which the same event about the same object is not repeated."""
MAX_MESSAGE = 1024
COMPONENT = "itechsmart-workflow"


class Recorder:
    """Writes core/v1 Events one after the other, behind everything else."""

    def __init__(self, client: ApiClient, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue(CAPACITY)
        self._said: dict[tuple[str, ...], float] = {}
        self._budget, self._budget_at = BURST, clock()
        self.dropped = 0
        """Events that were not written because there were too many."""

    def emit(self, about: Mapping[str, str], reason: EventReason, message: str) -> None:
        """Say once that something happened; `about` is an ObjectReference. Never blocks."""
        now = self._clock()
        said = (about.get("uid", ""), reason, message)
        if self._said.get(said, float("-inf")) > now - REPEAT_SECONDS:
            return
        if not self._affordable(reason, now):
            self.dropped += 1
            return
        try:
            self._waiting.put_nowait(_event(about, reason, message, now))
        except asyncio.QueueFull:
            self.dropped += 1
            return
        self._remember(said, now)

    def _affordable(self, reason: EventReason, now: float) -> bool:
        """Whether the budget has room for one more, and if so take it."""
        earned = max(0.0, now - self._budget_at) * RATE
        self._budget, self._budget_at = min(BURST, self._budget + earned), now
        if self._budget < (1.0 if reason.warning else SPARED + 1.0):
            return False
        self._budget -= 1.0
        return True

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            event = await self._waiting.get()
            await self._write(event)
            self._waiting.task_done()

    async def flush(self, seconds: float) -> None:
        """Wait until all emitted events are written, at most `seconds`."""
        waiting: Awaitable[None] = self._waiting.join()
        try:
            await asyncio.wait_for(waiting, seconds)
        except TimeoutError:
            logger.info("%d events were not written in time", self._waiting.qsize())

    async def _write(self, event: dict[str, Any]) -> None:
        try:
            namespace = event["metadata"]["namespace"]
            await self._client.create(EVENTS, namespace, event, background=True, metadata_only=True)
        except ApiError as error:
            self.dropped += 1
            logger.debug("event %s was not written: %s", event["reason"], error)

    def _remember(self, said: tuple[str, ...], now: float) -> None:
        self._said[said] = now
        if len(self._said) > 2 * CAPACITY:
            fresh = {key: at for key, at in self._said.items() if at > now - REPEAT_SECONDS}
            newest = sorted(fresh.items(), key=lambda item: item[1])[-CAPACITY:]
            self._said = dict(newest)


def _event(
    about: Mapping[str, str], reason: EventReason, message: str, now: float
) -> dict[str, Any]:
    message = plain_text(message)
    if len(message) > MAX_MESSAGE:
        message = message[: MAX_MESSAGE - 1] + "…"
    at = to_rfc3339(now)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        # A generated name: the same thing may happen twice to objects of the same name.
        "metadata": {
            "generateName": f"{about['name'][:220]}.",
            "namespace": about.get("namespace") or "default",
        },
        "involvedObject": dict(about),
        "type": "Warning" if reason.warning else "Normal",
        "reason": reason.value,
        "message": message,
        "firstTimestamp": f"{at[:19]}Z",
        "lastTimestamp": f"{at[:19]}Z",
        "count": 1,
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "reportingInstance": COMPONENT,
    }
