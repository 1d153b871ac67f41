"""Reconciles Workflows, Templates, Triggers and Incidents: computes the status after each change,
and writes it if it differs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from orchestrator.dispatch.compute import Inline
from orchestrator.dispatch.creator import Emit
from orchestrator.engine.status.definitions import readiness_announced
from orchestrator.kube.cache import Cache, Raw, key_of
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import Resource
from orchestrator.process.queue import WorkQueue
from orchestrator.validation.size import is_large

Status = Callable[[Raw, float], dict[str, Any]]
"""(object, now) → the desired status fields."""
LiveStatus = Callable[[Raw], Awaitable[Status]]
"""object → `Status`, after reading the objects that the status depends on."""

_Work = tuple[Resource, str | None, str]


class DefinitionReconciler:
    """Reconciles the status of Workflows, Templates, Triggers and Incidents."""

    def __init__(
        self,
        client: ApiClient,
        clock: Callable[[], float],
        caches: Mapping[Resource, Cache],
        statuses: Mapping[Resource, Status],
        emit: Emit,
        offload: Inline | None = None,
        live: Mapping[Resource, LiveStatus] | None = None,
    ) -> None:
        """A resource without an entry in `statuses` or `live` is cached, but its status is not
        written here."""
        self._client = client
        self._clock = clock
        self._caches = caches
        self._statuses = statuses
        self._emit = emit
        self._live = live or {}
        self._offload = offload or Inline()
        self.queue: WorkQueue[_Work] = WorkQueue("definitions")

    def take(self, resource: Resource, kind: str | None, raw: Raw) -> None:
        """Update the cache after a watch event, and enqueue the object unless it was deleted."""
        if kind == "DELETED":
            self._caches[resource].remove(key_of(raw))
        else:
            self._caches[resource].put(raw)
            self.enqueue(resource, raw)

    def enqueue(self, resource: Resource, raw: Raw) -> None:
        """Enqueue an object in the cache."""
        self.enqueue_named(resource, *key_of(raw))

    def enqueue_named(self, resource: Resource, namespace: str | None, name: str) -> None:
        """Enqueue an object in the cache by its name."""
        if resource in self._statuses or resource in self._live:
            self.queue.add((resource, namespace, name))

    async def run(self) -> None:
        """Reconcile until cancelled."""
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
            # The cache is behind: use the current object.
            await self._write(resource, await self._client.get(resource, namespace, name))

    async def _write(self, resource: Resource, raw: Raw) -> None:
        live = self._live.get(resource)
        status_of = await live(raw) if live else self._statuses[resource]
        work = partial(status_of, raw, self._clock())
        desired = await self._offload.run(work, long=is_large(raw.get("spec")))
        status = raw.get("status") or {}
        if all(status.get(field) == value for field, value in desired.items()):
            return
        metadata = raw["metadata"]
        body = {
            "metadata": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]},
            "status": desired,
        }
        namespace, name = key_of(raw)
        await self._client.patch(
            resource, namespace, name, body, subresource="status", metadata_only=True
        )
        self._report(resource, raw, desired)

    def _report(self, resource: Resource, raw: Raw, desired: Mapping[str, Any]) -> None:
        """Emit an Event about a change of the condition Ready, if it is worth one."""
        old = (raw.get("status") or {}).get("conditions") or ()
        if (announced := readiness_announced(old, desired.get("conditions") or ())) is None:
            return
        namespace, name = key_of(raw)
        reference = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "name": name,
            "uid": raw["metadata"]["uid"],
            **({"namespace": namespace} if namespace else {}),
        }
        self._emit(reference, announced.reason, announced.message)
