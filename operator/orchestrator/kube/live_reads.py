"""Live reads shared by simultaneous callers: callers during a read share the next one.

The answer was read after the call, so it is as current as a read of the caller's own.
"""

from __future__ import annotations

import asyncio

from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiClient
from orchestrator.kube.errors import ApiError
from orchestrator.kube.resources import Resource

_Key = tuple[Resource, str | None, str]


class LiveReads:
    """Reads single objects live."""

    def __init__(self, client: ApiClient, *, patient: bool = True) -> None:
        """Not `patient` if a missing right is to be reported within seconds."""
        self._client = client
        self._patient = patient
        self._under_way: dict[_Key, asyncio.Task[Raw | None]] = {}
        self._next: dict[_Key, asyncio.Task[Raw | None]] = {}

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Raw | None:
        """The current object; None if there is none. Raises ApiError."""
        key = (resource, namespace, name)
        task = self._next.get(key)
        if task is None:
            task = asyncio.create_task(self._read(key, self._under_way.get(key)))
            (self._next if key in self._under_way else self._under_way)[key] = task
        return await asyncio.shield(task)

    async def _read(self, key: _Key, before: asyncio.Task[Raw | None] | None) -> Raw | None:
        if before is not None:
            await asyncio.wait([before])
            self._under_way[key] = self._next.pop(key)
        resource, namespace, name = key
        try:
            return await self._client.get(resource, namespace, name, patient=self._patient)
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        finally:
            if key not in self._next:
                del self._under_way[key]
