"""A watch of a resource in one namespace, shared by the triggers that follow it there.

It resumes from the lowest version that one of them has not taken yet. If the server has forgotten
the changes since then (410 Gone), the objects that are newer than a trigger's mark are its changes.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any

import aiohttp

from orchestrator.controller.triggers.discovery import refusal_from, resolve
from orchestrator.controller.triggers.follower import MARGIN_SECONDS, Follower
from orchestrator.engine.times import from_rfc3339
from orchestrator.kube.cache import Key, Raw
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import Resource
from orchestrator.triggers.readiness import Access
from orchestrator.triggers.sources import Change, WatchedResource

logger = logging.getLogger(__name__)

MAX_BACKOFF_SECONDS = 30.0
_LOST = (ApiError, aiohttp.ClientError, TimeoutError, OSError)


class SharedWatch:
    """Watches a resource in one namespace for as long as `run` does."""

    def __init__(
        self,
        client: ApiClient,
        clock: Callable[[], float],
        resource: WatchedResource,
        namespace: str,
        *,
        wake: Callable[[Key], None],
        on_access: Callable[[Key], None],
        on_reset: Callable[[Key, str], None],
    ) -> None:
        """`wake` is called with a trigger that has something to deliver, `on_access` with one
        whose `access` has changed, and `on_reset` with one whose mark had to go back."""
        self._client = client
        self._clock = clock
        self._asked = resource
        self._namespace = namespace
        self._wake = wake
        self._on_access = on_access
        self._on_reset = on_reset
        self._resource: Resource | None = None
        self._followers: dict[Key, Follower] = {}
        self._position: int | None = None
        """The version up to which the stream has come; None if none is open."""
        self._verified = False
        self._failures = 0
        self._task: asyncio.Task[None] | None = None
        self.access = Access()

    def add(self, follower: Follower) -> None:
        """Let a trigger follow; the watch starts, or goes back to the trigger's mark."""
        self._followers[follower.key] = follower
        position = self._position
        if self._task is None or (position is not None and follower.seen.version < position):
            self.restart()

    def remove(self, key: Key) -> bool:
        """Stop following; returns whether nothing follows any more, and the watch was stopped."""
        self._followers.pop(key, None)
        if not self._followers:
            self.stop()
        return not self._followers

    def restart(self) -> None:
        """Watch again from the lowest version that a trigger has not taken."""
        self.stop()
        name = f"watch of {self._asked.plural or self._asked.kind} in {self._namespace}"
        self._task = asyncio.create_task(self._run(), name=name)

    def stop(self) -> None:
        """Stop watching."""
        self._position = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                await self._watch()
            except _LOST as error:
                self._position = None
                self._failures += 1
                self._failed(error)
                await asyncio.sleep(self._backoff(error))
            except Exception:
                self._position, self._verified = None, False
                self._failures += 1
                logger.exception("the watch of %s in %s failed", self._asked, self._namespace)
                await asyncio.sleep(self._backoff(None))

    async def _watch(self) -> None:
        resource = await self._resolved()
        if not self._verified:
            await self._verify(resource)
        version = min(each.seen.version for each in self._followers.values())
        self._position = version
        try:
            async for event in self._client.watch(
                resource, self._namespace, resource_version=str(version)
            ):
                self._failures = 0
                self._take(event)
        except ApiError as error:
            if error.status != 410:
                raise
            self._position = None
            await self._list(resource, version)

    async def _resolved(self) -> Resource:
        if self._resource is None:
            self._resource = await resolve(self._client, self._asked)
        return self._resource

    async def _verify(self, resource: Resource) -> None:
        """Whether it may list, and whether the marks are versions that exist.

        After etcd was restored from a backup, a watch from a mark would be silent until as much has
        happened again.
        """
        current = int(await self._client.current_version(resource, self._namespace))
        self._verified = True
        for follower in self._followers.values():
            if follower.seen.version > current:
                self._on_reset(follower.key, f"{follower.seen.version} to {current}")
                follower.go_back(current, self._clock())
                self._wake(follower.key)
        self._set_access(Access(known=True))

    def _take(self, event: Raw) -> None:
        raw, now = event["object"], self._clock()
        version = int(raw["metadata"]["resourceVersion"])
        if event["type"] == "BOOKMARK":
            for follower in self._followers.values():
                follower.reach(version, now)
        else:
            change = Change(event["type"], raw, now)
            for follower in self._followers.values():
                if follower.take(change, version):
                    self._wake(follower.key)
        self._position = version

    async def _list(self, resource: Resource, forgotten: int) -> None:
        """Take the objects that have changed since a version that the server has forgotten."""

        def project(raw: Raw) -> Raw | None:
            return raw if int(raw["metadata"]["resourceVersion"]) > forgotten else None

        items, listed = await self._client.list(resource, self._namespace, project=project)
        items.sort(key=lambda raw: int(raw["metadata"]["resourceVersion"]))
        now = self._clock()
        for follower in self._followers.values():
            if follower.seen.version > forgotten:
                continue  # the server may still know the changes since
            since = follower.seen.at
            new = False
            for raw in items:
                new |= follower.take(
                    Change(_kind(raw, since), raw, now),
                    int(raw["metadata"]["resourceVersion"]),
                    listed=True,
                )
            follower.reach(int(listed), now)
            if new:
                self._wake(follower.key)

    def _failed(self, error: Exception) -> None:
        if not (isinstance(error, ApiError) and error.status in (0, 429, 503)):
            self._verified = False
        refused = refusal_from(error, self._asked, self._namespace)
        if refused is not None:
            self._resource = None
            self._set_access(refused)

    def _set_access(self, access: Access) -> None:
        if access == self.access:
            return
        self.access = access
        if access.message:
            logger.warning("%s", access.message)
        for key in self._followers:
            self._on_access(key)

    def _backoff(self, error: Exception | None) -> float:
        if isinstance(error, TimeoutError) and self._failures == 1:
            return random.uniform(0.05, 0.5)
        seconds = min(0.25 * 2.0**self._failures, MAX_BACKOFF_SECONDS) * random.uniform(0.5, 1.0)
        if error is not None and not self.access.message:
            what = self._asked.plural or self._asked.kind
            logger.info("the watch of %s failed; again in %.1fs: %s", what, seconds, error)
        return seconds


def _kind(raw: dict[str, Any], since: float) -> str:
    """What has become of a listed object since a time: of several changes, the last remains."""
    created = from_rfc3339(raw["metadata"]["creationTimestamp"])
    return "ADDED" if created >= since - MARGIN_SECONDS else "MODIFIED"
