"""Which replica runs which listener: a Lease for each listener, and one for each replica.

The Lease of a listener names its holder, and is written only when it changes hands. It is valid as
long as the holder renews the Lease of its replica, so a hundred listeners cost no more writes than
one. Each change is guarded by the resourceVersion: two replicas never hold a claim at a time, as
far as the API server knows. A replica that cannot renew its own Lease stops its listeners before
others take them over; and should two run for a moment, the names of executions keep each event one.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.lease import DURATION_SECONDS, Lease, LeaseLostError
from orchestrator.kube.resources import LEASES
from orchestrator.models.base import GROUP

logger = logging.getLogger(__name__)

GROUP_LABEL = f"{GROUP}/receivers"
"""Label of the Leases of receivers that serve the same namespaces."""
KIND_LABEL = f"{GROUP}/lease"
REPLICA, LISTENER = "replica", "listener"
CHECK_SECONDS = 2.0
"""Seconds between two reads of the Leases."""
PREFERENCE_SECONDS = 6.0
"""Seconds for which a listener without a holder is left to the replica that it falls to."""
SETTLED_SECONDS = 10.0
"""Seconds for which a replica must be known before listeners are handed over to it."""
ABANDONED_SECONDS = 600.0
"""Seconds after which the Lease of a replica that is gone is deleted."""


class EveryClaim:
    """The claims of a receiver that shares its listeners with no other."""

    def __init__(self) -> None:
        self.held: frozenset[str] = frozenset()
        """The uids of the triggers whose listeners this replica runs."""

    def want(self, uids: Collection[str], running: Collection[str]) -> None:
        """The uids of all triggers with a listener, and of those whose listener runs here."""
        del running
        self.held = frozenset(uids)

    async def run(self) -> None:
        """Claim until cancelled."""
        await asyncio.Event().wait()

    async def stop(self) -> None:
        """Give all claims up, once their listeners have ended."""


class Claims(EveryClaim):
    """The claims of one of several replicas."""

    def __init__(
        self,
        client: ApiClient,
        namespace: str,
        identity: str,
        served: Collection[str],
        monotonic: Callable[[], float],
    ) -> None:
        """`served` are the namespaces whose triggers are listened to; all if empty."""
        super().__init__()
        self._client = client
        self._namespace = namespace
        self._identity = identity
        self._monotonic = monotonic
        self._group = hashlib.sha256(",".join(sorted(served)).encode()).hexdigest()[:16]
        labels = {GROUP_LABEL: self._group, KIND_LABEL: REPLICA}
        self._lease = Lease(
            client, namespace, f"replica-{identity}", identity, monotonic=monotonic, labels=labels
        )
        self._wanted: frozenset[str] = frozenset()
        self._running: frozenset[str] = frozenset()
        self._seen: dict[str, tuple[str, float, float]] = {}
        """Of each replica's Lease: its version, since when it has not changed, and when it was
        first seen."""
        self._free_since: dict[str, float] = {}
        """Since when listeners have had no living holder."""
        self._mine: frozenset[str] = frozenset()

    def want(self, uids: Collection[str], running: Collection[str]) -> None:
        """See EveryClaim."""
        self._wanted, self._running = frozenset(uids), frozenset(running)
        self.held = self._mine & self._wanted if self._lease.held else frozenset()

    async def run(self) -> None:
        """See EveryClaim."""
        while True:
            try:
                await self._lease.acquire()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._lease.keep())
                    group.create_task(self._claim())
            except* LeaseLostError as lost:
                logger.warning("all listeners of this replica stop: %s", lost.exceptions[0])
                self._mine = self.held = frozenset()

    async def stop(self) -> None:
        """See EveryClaim."""
        if not self._lease.held:
            return
        try:
            for raw in await self._list(LISTENER):
                if _holder(raw) == self._identity:
                    await self._give(raw, "")
            await self._client.delete(LEASES, self._namespace, f"replica-{self._identity}")
        except ApiError as error:
            logger.info("the claims of this replica expire: %s", error)

    async def _claim(self) -> None:
        while True:
            try:
                await self._pass()
            except ApiError as error:
                logger.warning("the claims of listeners are checked later: %s", error)
            await asyncio.sleep(CHECK_SECONDS)

    async def _pass(self) -> None:
        replicas = await self._list(REPLICA)
        alive = self._alive(replicas)
        leases = {raw["metadata"]["name"]: raw for raw in await self._list(LISTENER)}
        wanted = self._wanted
        mine = {
            uid for uid in wanted if await self._holds(uid, leases.pop(_name(uid), None), alive)
        }
        self._mine = frozenset(mine)
        self._free_since = {uid: at for uid, at in self._free_since.items() if uid in wanted}
        for raw in leases.values():
            if _holder(raw) not in alive or _holder(raw) == self._identity:
                await self._drop(raw)
        for raw in replicas:
            _, since, _ = self._seen.get(_holder(raw), ("", self._monotonic(), 0.0))
            if self._monotonic() > since + ABANDONED_SECONDS:
                await self._drop(raw)

    async def _holds(self, uid: str, raw: Any | None, alive: Mapping[str, float]) -> bool:
        """Whether this replica runs a listener; its claim is taken or given up."""
        holder = _holder(raw) if raw else ""
        preferred = self._preferred(uid, alive)
        if holder == self._identity:
            self._free_since.pop(uid, None)
            if preferred == holder or alive[preferred] < SETTLED_SECONDS:
                return True
            # Given up once its listener has ended.
            if uid not in self._running:
                await self._give(raw, "")
            return False
        if holder in alive:
            self._free_since.pop(uid, None)
            return False
        free_since = self._free_since.setdefault(uid, self._monotonic())
        if preferred != self._identity and self._monotonic() < free_since + PREFERENCE_SECONDS:
            return False
        return await self._take(uid, raw)

    def _alive(self, replicas: list[Any]) -> Mapping[str, float]:
        """The living replicas, and for how long each has been known."""
        now = self._monotonic()
        seen = {}
        for raw in replicas:
            identity, version = _holder(raw), raw["metadata"]["resourceVersion"]
            before = self._seen.get(identity)
            if not identity:
                continue
            if before is None:
                seen[identity] = version, now, now
            else:
                seen[identity] = version, before[1] if before[0] == version else now, before[2]
        self._seen = seen
        alive = {
            identity: now - first
            for identity, (_, since, first) in seen.items()
            if now < since + DURATION_SECONDS
        }
        return {**alive, self._identity: alive.get(self._identity, 0.0)}

    def _preferred(self, uid: str, alive: Collection[str]) -> str:
        """The replica that a listener falls to: the same for all, and each gets about as many."""
        return max(alive, key=lambda each: hashlib.sha256(f"{uid}/{each}".encode()).digest())

    async def _list(self, kind: str) -> list[Any]:
        selector = f"{GROUP_LABEL}={self._group},{KIND_LABEL}={kind}"
        items, _ = await self._client.list(LEASES, self._namespace, label_selector=selector)
        return items

    async def _take(self, uid: str, raw: Any | None) -> bool:
        if raw is not None:
            return await self._give(raw, self._identity)
        body = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {
                "name": _name(uid),
                "namespace": self._namespace,
                "labels": {GROUP_LABEL: self._group, KIND_LABEL: LISTENER},
            },
            "spec": {"holderIdentity": self._identity},
        }
        try:
            await self._client.create(LEASES, self._namespace, body)
        except ApiError as error:
            if error.status == 409:
                return False
            raise
        return True

    async def _give(self, raw: Any, holder: str) -> bool:
        """Set the holder of a Lease, unless it changed in the meantime."""
        metadata = raw["metadata"]
        body = {
            "metadata": {"resourceVersion": metadata["resourceVersion"]},
            "spec": {"holderIdentity": holder or None},
        }
        try:
            await self._client.patch(LEASES, self._namespace, metadata["name"], body)
        except ApiError as error:
            if error.status in (404, 409):
                return False
            raise
        return True

    async def _drop(self, raw: Any) -> None:
        """Delete a Lease, unless it changed in the meantime."""
        metadata = raw["metadata"]
        name, version = metadata["name"], metadata["resourceVersion"]
        try:
            await self._client.delete(LEASES, self._namespace, name, resource_version=version)
        except ApiError as error:
            if error.status not in (404, 409):
                raise


def _name(uid: str) -> str:
    return f"listener-{uid}"


def _holder(raw: Any) -> str:
    return str((raw.get("spec") or {}).get("holderIdentity") or "")
