"""The Authorization header for requests: its source is read again every few seconds."""

from __future__ import annotations

import asyncio
import copy
import time

from orchestrator.kube.access import Access

REFRESH_SECONDS = 10.0
"""Seconds between two checks whether the token changed: file rotation, plugin expiry."""


class Credentials:
    """An access, with its TLS context and a token that follows its source."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.server = access.server
        self.tls = access.tls()
        self._authorization: str | None = None
        self._asked = float("-inf")
        self._lock = asyncio.Lock()

    def with_token(self, token: str) -> Credentials:
        """Another user's token for the same server, over the same TLS context."""
        other = copy.copy(self)
        other._authorization = f"Bearer {token}"
        other._asked = float("inf")
        return other

    async def authorization(self) -> str | None:
        """The Authorization header; a plugin runs in a thread, since it may take seconds."""
        if time.monotonic() - self._asked < REFRESH_SECONDS:
            return self._authorization
        async with self._lock:
            if time.monotonic() - self._asked >= REFRESH_SECONDS:
                self._authorization = await asyncio.to_thread(self.access.authorization)
                self._asked = time.monotonic()
        return self._authorization
