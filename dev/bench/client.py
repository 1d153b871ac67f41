"""The least client of the API server: raw JSON over one session, nothing shared with ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import orjson

from orchestrator.kube.access import load
from orchestrator.kube.credentials import Credentials

Raw = dict[str, Any]

AT_ONCE = 64
"""Requests under way at once, as many as the operator allows itself."""
MERGE_PATCH = "application/merge-patch+json"
JSON = "application/json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
OURS = "/apis/automation.itechsmart.dev/v1alpha1"


class Api:
    """Requests under a user agent, by which the audit log distinguishes clients."""

    def __init__(self, kubeconfig: Path, agent: str) -> None:
        self._credentials = Credentials(load(str(kubeconfig)))
        self._agent = agent
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def __aenter__(self) -> Api:
        headers = {"User-Agent": self._agent, "Accept-Encoding": "identity"}
        if authorization := await self._credentials.authorization():
            headers["Authorization"] = authorization
        self._session = aiohttp.ClientSession(
            headers=headers,
            connector=aiohttp.TCPConnector(limit=0, ssl=self._credentials.tls or True),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        content_type: str = JSON,
        accept: str = JSON,
        **query: str,
    ) -> Raw:
        """The answer's JSON. Raises RuntimeError with the server's words."""
        headers = {"Content-Type": content_type, "Accept": accept}
        url = self._credentials.server + path
        async with (
            self._gate,
            self._session.request(method, url, data=body, headers=headers, params=query) as answer,
        ):
            payload = await answer.read()
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path}: {answer.status} {payload[:500]!r}")
            result: Raw = orjson.loads(payload)
            return result

    async def create(self, path: str, manifest: Raw) -> Raw:
        """Create an object in the collection at `path`."""
        return await self.request("POST", path, orjson.dumps(manifest))

    async def version(self, path: str) -> str:
        """The collection's resourceVersion as of now."""
        listed = await self.request("GET", path, accept=METADATA_LIST, limit="1")
        version: str = listed["metadata"]["resourceVersion"]
        return version

    async def watch(
        self, path: str, version: str, *, accept: str = JSON, fields: str = "", labels: str = ""
    ) -> AsyncIterator[tuple[str, Raw]]:
        """What happened since a version, as (type, object); goes on when the server ends it."""
        query = {"fieldSelector": fields, "labelSelector": labels, "watch": "true"}
        query["allowWatchBookmarks"] = "true"  # or one that hears nothing goes on from too long ago
        while True:
            async for kind, raw in self._watch_once(
                path, query | {"resourceVersion": version}, accept
            ):
                if kind == "ERROR":
                    raise RuntimeError(f"watch {path}: {raw}")
                version = raw["metadata"]["resourceVersion"]
                if kind != "BOOKMARK":
                    yield kind, raw

    async def _watch_once(
        self, path: str, query: dict[str, str], accept: str
    ) -> AsyncIterator[tuple[str, Raw]]:
        url = self._credentials.server + path
        async with self._session.get(url, params=query, headers={"Accept": accept}) as answer:
            if answer.status == 429:  # its cache of these is not there yet
                await asyncio.sleep(0.2)
                return
            if answer.status >= 300:
                raise RuntimeError(f"watch {path}: {answer.status} {await answer.text()}")
            rest = b""
            async for chunk, _ in answer.content.iter_chunks():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = orjson.loads(line)
                    yield event["type"], event["object"]
