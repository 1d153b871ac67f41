"""Reconciles the kinds that people write: judges each change, writes the status if it differs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from orchestrator.controller.offload import Inline, is_large
from orchestrator.controller.queue import WorkQueue
from orchestrator.kube.cache import Cache, Raw, key_of
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import Resource

Status = Callable[[Raw, float], dict[str, Any]]
"""(object, now) → the status fields that it should have."""
LiveStatus = Callable[[Raw], Awaitable[Status]]
"""object → `Status`, once all that it is judged against was read."""

_Work = tuple[Resource, str | None, str]


class Definitions:
    """Passes over Workflows, Templates, Triggers and Incidents."""

    def __init__(
        self,
        client: ApiClient,
        clock: Callable[[], float],
        caches: Mapping[Resource, Cache],
        statuses: Mapping[Resource, Status],
        offload: Inline | None = None,
        live: Mapping[Resource, LiveStatus] | None = None,
    ) -> None:
        """A resource without an entry in `statuses` or `live` is cached, and its status is left to
        others."""
        self._client = client
        self._clock = clock
        self._caches = caches
        self._statuses = statuses
        self._live = live or {}
        self._offload = offload or Inline()
        self.queue: WorkQueue[_Work] = WorkQueue("definitions")

    def take(self, resource: Resource, kind: str | None, raw: Raw) -> None:
        """An event about an object, which is in the cache by then; its status is reconciled."""
        if kind == "DELETED":
            self._caches[resource].remove(key_of(raw))
        else:
            self._caches[resource].put(raw)
            self.enqueue(resource, raw)

    def enqueue(self, resource: Resource, raw: Raw) -> None:
        """Have the status of an object in the cache reconciled."""
        self.enqueue_named(resource, *key_of(raw))

    def enqueue_named(self, resource: Resource, namespace: str | None, name: str) -> None:
        """As `enqueue`, by name."""
        if resource in self._statuses or resource in self._live:
            self.queue.add((resource, namespace, name))

    async def run(self) -> None:
        """Work until cancelled."""
        await self.queue.run(self._pass, workers=4)

    async def _pass(self, work: _Work) -> None:
        resource, namespace, name = work
        raw = self._caches[resource].get(namespace, name)
        if raw is None:
            return
        try:
            await self._write(resource, raw)
        except ApiError as error:
            if error.status == 404:
                return
            if error.status != 409:
                raise
            # The cache is behind: with the object as it is now.
            await self._write(resource, await self._client.get(resource, namespace, name))

    async def _write(self, resource: Resource, raw: Raw) -> None:
        live = self._live.get(resource)
        status_of = await live(raw) if live else self._statuses[resource]
        work = partial(status_of, raw, self._clock())
        wanted = await self._offload.run(work, long=is_large(raw.get("spec")))
        status = raw.get("status") or {}
        if all(status.get(field) == value for field, value in wanted.items()):
            return
        metadata = raw["metadata"]
        body = {
            "metadata": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]},
            "status": wanted,
        }
        namespace, name = key_of(raw)
        await self._client.patch(
            resource, namespace, name, body, subresource="status", metadata_only=True
        )
