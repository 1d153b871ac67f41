"""Asks whether the admission policies are in place, while an approval waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from orchestrator.controller.apiserver.cache import Raw
from orchestrator.controller.apiserver.client import ApiClient, ApiError
from orchestrator.controller.apiserver.resources import POLICIES, POLICY_BINDINGS, Resource
from orchestrator.engine.protection import POLICIES as NAMES
from orchestrator.engine.protection import protects

LASTS = 2.0
"""Seconds for which an answer is good."""


class Protection:
    """Reads the policies and their bindings at most every two seconds."""

    def __init__(self, client: ApiClient, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock
        self._asked_at = float("-inf")
        self._answer = False
        self._lock = asyncio.Lock()

    async def protected(self) -> bool:
        """Whether decisions can be believed now."""
        async with self._lock:
            now = self._clock()
            if not self._asked_at <= now < self._asked_at + LASTS:
                policies = [await self._read(POLICIES, name) for name in NAMES]
                bindings = [await self._read(POLICY_BINDINGS, name) for name in NAMES]
                self._answer = protects(
                    [raw for raw in policies if raw], [raw for raw in bindings if raw], now
                )
                self._asked_at = now
            return self._answer

    async def _read(self, resource: Resource, name: str) -> Raw | None:
        try:
            return await self._client.get(resource, None, name)
        except ApiError as error:
            if error.status in (403, 404):
                return None
            raise
