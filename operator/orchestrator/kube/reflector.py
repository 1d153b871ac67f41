"""Keeps a cache in sync with the API server: lists, then watches, and relists if a watch cannot be
resumed.

A list replaces the contents of the cache, so that deletions missed by a watch are detected.
Callbacks only signal a change; consumers read the current state from the cache. kopf watches
Workflows and Incidents instead (`kopf_watch`); `controller.informers` runs both.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import aiohttp

from orchestrator.kube.cache import Cache, Key, Raw, key_of
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import Resource

logger = logging.getLogger(__name__)

OnEvent = Callable[[str, Raw, Raw | None], None]
"""Called with ADDED, MODIFIED or DELETED, the object, and its previously cached version, if any."""

MAX_BACKOFF_SECONDS = 5.0
RELIST_SECONDS = 1800.0
"""Maximum age of the last list in seconds; the next watch then begins with a list, which finds
missed events."""
_LOST = (ApiError, aiohttp.ClientError, TimeoutError, OSError)


class Reflector:
    """Lists and watches one resource in all namespaces, or in some, into a cache."""

    def __init__(
        self,
        client: ApiClient,
        resource: Resource,
        cache: Cache,
        *,
        namespaces: Collection[str] = (),
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        in_part: bool = False,
        only_ends: bool = False,
        transform: Callable[[Raw], Raw | None] = lambda raw: raw,
        on_event: OnEvent = lambda *_: None,
        on_silence: Callable[[], None] = lambda: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`transform` returns what is cached of an object, or None to drop it."""
        self._client = client
        self._resource = resource
        self._cache = cache
        self._scopes: list[str | None] = list(namespaces) if resource.namespaced else []
        self._scopes = self._scopes or [None]
        self._selection: dict[str, Any] = {
            "label_selector": label_selector,
            "field_selector": field_selector,
            "metadata_only": metadata_only,
        }
        self._in_part, self._only_ends = in_part, only_ends
        self._transform = transform
        self._on_event = on_event
        self._on_silence = on_silence
        self._sleep = sleep
        self._monotonic = monotonic
        self._unsynced = set(self._scopes)
        self._heard: dict[str | None, float] = {}
        self.failures = 0
        """Failed lists and watches; a watch that the server ends regularly has not failed."""
        self.synced = asyncio.Event()
        """Set once every namespace was listed."""

    @property
    def name(self) -> str:
        """The watched resource, for logs and probes."""
        return self._resource.plural

    @property
    def silence(self) -> float:
        """Seconds since the least recently active watch received anything, bookmarks included.

        Infinite until every namespace was listed.
        """
        now = self._monotonic()
        if len(self._heard) < len(self._scopes):
            return float("inf")
        return now - min(self._heard.values())

    async def run(self) -> None:
        """Follow the resource until cancelled."""
        async with asyncio.TaskGroup() as group:
            for scope in self._scopes:
                group.create_task(self._follow(scope), name=f"reflector {self.name} {scope or ''}")

    async def _follow(self, scope: str | None) -> None:
        version = ""
        listed = float("-inf")
        failures = 0
        while True:
            before = self._heard.get(scope)
            try:
                if not version or self._monotonic() - listed > RELIST_SECONDS:
                    version = await self._relist(scope)
                    listed = self._monotonic()
                    before = self._heard.get(
                        scope
                    )  # a successful list says nothing about the watch
                async for event in self._client.watch(
                    self._resource,
                    scope,
                    resource_version=version,
                    in_part=self._in_part,
                    only_ends=self._only_ends,
                    **self._selection,
                ):
                    version = self._take(scope, event)
            except _LOST as error:
                self.failures += 1
                failures = 1 if self._heard.get(scope) != before else failures + 1
                if _fell_silent(error):
                    self._on_silence()
                if _needs_list(error):
                    version = ""
                await self._sleep(self._backoff(failures, error))
            else:
                failures = 0

    def _backoff(self, failures: int, error: Exception) -> float:
        if _is_expired(error):
            return random.uniform(0.05, 0.5)  # the server answers: relist soon, with jitter
        seconds = min(0.25 * 2.0**failures, MAX_BACKOFF_SECONDS) * random.uniform(0.5, 1.0)
        level = logging.WARNING if failures > 3 else logging.INFO
        logger.log(level, "watch of %s failed; retrying in %.1fs: %s", self.name, seconds, error)
        return seconds

    async def _relist(self, scope: str | None) -> str:
        items, version = await self._client.list(
            self._resource, scope, project=self._transform, **self._selection
        )
        self._hear(scope)
        known = {key for key in self._cache.known() if scope is None or key[0] == scope}
        for raw in items:
            known.discard(key_of(raw))
            self._put(raw)
        for key in known:
            self._remove(key)
        self._unsynced.discard(scope)
        if not self._unsynced:
            self.synced.set()
        return version

    def _take(self, scope: str | None, event: Raw) -> str:
        self._hear(scope)
        raw: Raw = event["object"]
        version: str = raw["metadata"]["resourceVersion"]
        match event["type"]:
            case "ADDED" | "MODIFIED" if not self._is_older(raw):
                if (kept := self._transform(raw)) is not None:
                    self._put(kept)
                else:
                    self._remove(key_of(raw))
            case "DELETED":
                self._remove(key_of(raw))
        return version

    def _is_older(self, raw: Raw) -> bool:
        """Whether the cache has a newer version, which this process wrote."""
        known = self._cache.get(*key_of(raw))
        if known is None or known["metadata"]["uid"] != raw["metadata"]["uid"]:
            return False
        versions = (each["metadata"]["resourceVersion"] for each in (known, raw))
        newer, older = map(int, versions)
        return newer > older

    def _hear(self, scope: str | None) -> None:
        self._heard[scope] = self._monotonic()

    def _put(self, raw: Raw) -> None:
        old = self._cache.put(raw)
        if old is None:
            self._on_event("ADDED", raw, None)
        elif old["metadata"]["resourceVersion"] != raw["metadata"]["resourceVersion"]:
            self._on_event("MODIFIED", raw, old)

    def _remove(self, key: Key) -> None:
        old = self._cache.remove(key)
        if old is not None:
            self._on_event("DELETED", old, old)


def _needs_list(error: Exception) -> bool:
    """Whether the watch may not be able to resume from the resourceVersion, so that a list is
    needed.

    It may have expired or, after etcd was restored from a backup, lie in the future: the server
    then sends nothing at all, not even a bookmark.
    """
    if isinstance(error, ApiError):
        return error.status not in (0, 429, 503)
    return isinstance(error, TimeoutError)


def _is_expired(error: Exception) -> bool:
    """Whether a list, which the server answers, is sufficient to continue."""
    return isinstance(error, TimeoutError) or (isinstance(error, ApiError) and error.status == 410)


def _fell_silent(error: Exception) -> bool:
    """Whether the watch was open and silent; the connection may be dead."""
    return isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError)
