"""Leader election: among several replicas, the holder of the Lease is the leader; the others are on
standby.

The Lease only saves work: Job names and guarded writes make two concurrent leaders harmless. A
holder that cannot renew stops at once, and one that resumes late sends no further write.
https://kubernetes.io/docs/concepts/architecture/leases/
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import LEASES

logger = logging.getLogger(__name__)

DURATION_SECONDS = 10.0
"""Seconds without renewal after which another operator may take over."""
RENEW_SECONDS = 2.0
"""Seconds between two renewals, and between two reads of another replica's Lease."""
DEADLINE_SECONDS = 7.0
"""Seconds without a renewal after which the holder stops; less than the time that others wait."""


class LeaseLostError(Exception):
    """This operator may no longer act."""


class Lease:
    """Acquires, renews and releases a Lease. `monotonic` counts seconds independently of the
    clock."""

    def __init__(
        self,
        client: ApiClient,
        namespace: str,
        name: str,
        identity: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        works: Callable[[], bool] = lambda: True,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """`works` returns whether the operator works: the Lease of a hung operator is not
        renewed. `labels` are those of the Lease if this process creates it."""
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._monotonic = monotonic
        self._sleep = sleep
        self._works = works
        self._labels = dict(labels or {})
        self.failures = 0
        """Renewals that failed while it was held; the next one may succeed."""
        self._renewed_at: float | None = None
        self._seen: tuple[str, float] | None = None
        """Version of another replica's Lease, and since when it has not changed."""

    @property
    def held(self) -> bool:
        """Whether this operator holds it, as far as others can know."""
        renewed = self._renewed_at
        return renewed is not None and self._monotonic() < renewed + DEADLINE_SECONDS

    def check(self) -> None:
        """Raises LeaseLostError if it was held and may have passed to another replica."""
        if self._renewed_at is not None and not self.held:
            raise LeaseLostError(f"the lease {self._name} was not renewed in time; another may act")

    async def acquire(self) -> None:
        """Wait until this operator holds it."""
        said = False
        while not await self._try():
            if not said:
                logger.info("another replica is the leader; standing by for lease %s", self._name)
            said = True
            await self._sleep(RENEW_SECONDS)
        logger.info("holding lease %s as %s", self._name, self._identity)

    async def keep(self) -> None:
        """Renew it until cancelled; raises LeaseLostError when it is lost."""
        while True:
            await self._sleep(RENEW_SECONDS)
            if not self._works() or not await self._try():
                self.failures += 1
                self.check()

    async def release(self) -> None:
        """Release it, so that another replica takes over at once."""
        if not self.held:
            return
        self._renewed_at = None
        try:
            stored = await self._client.get(LEASES, self._namespace, self._name)
            if stored["spec"].get("holderIdentity") == self._identity:
                await self._write(stored, {"holderIdentity": None, "leaseDurationSeconds": 1})
        except ApiError as error:
            logger.info("the lease was not released and will expire: %s", error)

    async def _try(self) -> bool:
        """Try to acquire or renew; False also if the API server does not answer."""
        began = self._monotonic()
        try:
            taken = await self._take()
        except ApiError as error:
            logger.warning("lease %s: %s", self._name, error)
            return False
        if taken:
            self._renewed_at = began
        elif taken is False and self._renewed_at is not None:
            raise LeaseLostError(f"another operator took the lease {self._name}")
        return bool(taken)

    async def _take(self) -> bool | None:
        """Whether it is held now; None if that is unknown, because it changed in the meantime.

        The change may be this very write, sent again because its answer was lost.
        """
        try:
            stored = await self._client.get(LEASES, self._namespace, self._name)
        except ApiError as error:
            if error.status != 404:
                raise
            return await self._create() or None
        spec = stored.get("spec") or {}
        holder = spec.get("holderIdentity")
        if holder and holder != self._identity and not self._expired(stored):
            return False
        body: dict[str, Any] = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(DURATION_SECONDS),
            "renewTime": _now(),
        }
        if holder != self._identity:
            body["acquireTime"] = _now()
            body["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
        return await self._write(stored, body) or None

    def _expired(self, stored: dict[str, Any]) -> bool:
        """Whether another replica's Lease has not changed for its whole duration, by this machine's
        clock."""
        version = stored["metadata"]["resourceVersion"]
        if self._seen is None or self._seen[0] != version:
            self._seen = version, self._monotonic()
        duration = float((stored.get("spec") or {}).get("leaseDurationSeconds") or DURATION_SECONDS)
        return self._monotonic() >= self._seen[1] + duration

    async def _create(self) -> bool:
        spec = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(DURATION_SECONDS),
            "acquireTime": _now(),
            "renewTime": _now(),
            "leaseTransitions": 0,
        }
        body = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {
                "name": self._name,
                "namespace": self._namespace,
                **({"labels": self._labels} if self._labels else {}),
            },
            "spec": spec,
        }
        try:
            await self._client.create(LEASES, self._namespace, body, urgent=True)
        except ApiError as error:
            if error.status == 409:
                return False
            raise
        return True

    async def _write(self, stored: dict[str, Any], spec: dict[str, Any]) -> bool:
        version = stored["metadata"]["resourceVersion"]
        body = {"metadata": {"resourceVersion": version}, "spec": spec}
        try:
            await self._client.patch(LEASES, self._namespace, self._name, body)
        except ApiError as error:
            if error.status == 409:
                return False
            raise
        return True


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
