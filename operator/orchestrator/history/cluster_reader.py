"""Reads from the cluster what is recorded: ended executions and their revisions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.history.entry import approvals_of
from orchestrator.history.store import Store
from orchestrator.kube.cache import Key
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import CONTROLLER_REVISIONS, EXECUTIONS, Resource

CONCURRENCY = 8
"""Requests to the API server at a time: the recorder gives way to live work."""
MAX_REVISIONS = 2000
"""Revisions whose approvals are remembered."""

Raw = dict[str, Any]
RevisionKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Revisions:
    """The revisions of a batch of executions."""

    new: Mapping[RevisionKey, Raw]
    """The data of those that are not stored yet."""
    _approvals: Mapping[RevisionKey, frozenset[str]]

    def approvals(self, execution: Raw) -> frozenset[str]:
        """The nodes of an execution that wait for people."""
        key = revision_of(execution)
        return self._approvals.get(key, frozenset()) if key is not None else frozenset()


class ClusterReader:
    """Live reads, a few at a time. Every method raises ApiError."""

    def __init__(self, client: ApiClient, store: Store) -> None:
        self._client = client
        self._store = store
        self._approvals: dict[RevisionKey, frozenset[str]] = {}
        self.slots = asyncio.Semaphore(CONCURRENCY)

    async def executions(self, keys: Iterable[Key]) -> dict[Key, Raw]:
        """The executions as they are now; those that are gone are absent."""
        wanted = list(keys)
        found = await asyncio.gather(*(self._get(EXECUTIONS, *key) for key in wanted))
        return {key: raw for key, raw in zip(wanted, found, strict=True) if raw is not None}

    async def revisions(self, executions: Iterable[Raw]) -> Revisions:
        """The revisions that the executions ran. Raises UnavailableError."""
        wanted = {key for key in map(revision_of, executions) if key}
        approvals = {key: self._approvals[key] for key in wanted if key in self._approvals}
        wanted -= approvals.keys()
        stored = await self._store.known_revisions(wanted)
        for key in sorted(stored):
            data = await self._store.revision(*key) or {}
            approvals[key] = self._remember(key, data)
        missing = sorted(wanted - stored)
        found = await asyncio.gather(*(self._get(CONTROLLER_REVISIONS, *key) for key in missing))
        new = {
            key: raw.get("data") or {}
            for key, raw in zip(missing, found, strict=True)
            if raw is not None
        }
        return Revisions(new, approvals | {key: approvals_of(data) for key, data in new.items()})

    def stored(self, revisions: Mapping[RevisionKey, Raw]) -> None:
        """These revisions are in the database now."""
        for key, data in revisions.items():
            self._remember(key, data)

    def forget(self) -> None:
        """The database may have been replaced."""
        self._approvals.clear()

    def _remember(self, key: RevisionKey, data: Raw) -> frozenset[str]:
        self._approvals[key] = found = approvals_of(data)
        while len(self._approvals) > MAX_REVISIONS:
            self._approvals.pop(next(iter(self._approvals)))
        return found

    async def _get(self, resource: Resource, namespace: str | None, name: str) -> Raw | None:
        async with self.slots:
            try:
                return await self._client.get(resource, namespace, name)
            except ApiError as error:
                if error.status == 404:
                    return None
                raise


def revision_of(raw: Mapping[str, Any]) -> RevisionKey | None:
    """The namespace and name of the revision that an execution ran; None if it ran none."""
    name = (raw.get("status") or {}).get("revision")
    return (raw["metadata"]["namespace"], name) if name else None
