"""Forwards requests to the API server unchanged, and streams its responses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from orchestrator.kube.access import Access

ANSWER_SECONDS = 60.0
"""Maximum silence of the API server, in seconds; unlimited for streams."""


class RequestProxy:
    """Connections to the API server, without credentials of their own."""

    def __init__(self, access: Access) -> None:
        self._access = access.anonymous()
        self._tls = self._access.tls()
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def request(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[str, str]],
        body: bytes | None,
        *,
        streams: bool,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response to a request that is sent once, whatever its status; `target` is the path
        with the query. A response that `streams` may be silent for any time."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._tls or True),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=10.0, sock_read=None if streams else ANSWER_SECONDS
        )
        async with self._session.request(
            method,
            URL(f"{self._access.server}{target}", encoded=True),
            headers=headers,
            data=body,
            timeout=timeout,
            proxy=self._access.proxy,
            server_hostname=self._access.server_name,
            allow_redirects=False,
            skip_auto_headers=["Content-Type", "Accept-Encoding"],
        ) as response:
            yield response
