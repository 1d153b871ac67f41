"""Reads the admission policies while nodes wait for people and when an execution is admitted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import replace

from orchestrator.engine.people.protection import (
    INSTALLATION,
    Policies,
    policies_in_place,
    policy_names,
)
from orchestrator.kube.cache import Raw
from orchestrator.kube.client import ApiClient, ApiError
from orchestrator.kube.resources import POLICIES, POLICY_BINDINGS, Resource

logger = logging.getLogger(__name__)

READ_SECONDS = 10.0
"""Seconds between two reads that nothing asks for."""
ANSWER_SECONDS = 2.0
"""Seconds for which an answer is good where it need not be fresh."""


class Protection:
    """Reads the policies and their bindings: at most every two seconds, or freshly.

    Of policies that were changed after their creation nothing says when: they count as in place
    since this process first saw them as they are, so it reads them whether they are needed or not.
    """

    def __init__(
        self,
        client: ApiClient,
        clock: Callable[[], float],
        installation: str = INSTALLATION,
        namespaces: Collection[str] = (),
    ) -> None:
        """The policies of an `installation` that serves these `namespaces`, or the cluster."""
        self._client = client
        self._clock = clock
        self._installation = installation
        self._namespaces = namespaces
        self._asked_at = float("-inf")
        self._answer: Policies | None = None
        self._seen = ("", 0.0)
        """The identity last seen, and since when."""
        self._reads = 0
        """Reads that have begun."""
        self._finished = 0
        """The number of the last read that succeeded or failed."""
        self._failure: ApiError | None = None
        """Why that read failed, if it did."""
        self._lock = asyncio.Lock()

    async def policies(self, *, fresh: bool = False) -> Policies | None:
        """The installed policies; None while they are missing or do not deny.

        A `fresh` result is from a read that begins after the call: callers during a read share the
        next one, or its ApiError.
        """
        begun = self._reads
        async with self._lock:
            now = self._clock()
            recent = self._asked_at <= now < self._asked_at + ANSWER_SECONDS
            if recent and not fresh:
                return self._answer
            if self._finished <= begun:
                await self._read_now(now)
            if self._failure is not None:
                raise self._failure
            return self._answer

    async def run(self, interval: float) -> None:
        """Read the policies at an interval in seconds, to know since when they are installed."""
        while True:
            try:
                await self.policies(fresh=True)
            except ApiError as error:
                logger.warning("cannot read the admission policies: %s", error)
            await asyncio.sleep(interval)

    async def _read_now(self, now: float) -> None:
        self._reads += 1
        try:
            self._answer = await self._read_all()
            self._asked_at, self._failure = now, None
        except ApiError as error:
            self._asked_at, self._failure = float("-inf"), error
        self._finished = self._reads

    async def _read_all(self) -> Policies | None:
        kinds = (POLICIES, POLICY_BINDINGS)
        names = policy_names(self._installation).values()
        read = await asyncio.gather(*(self._read(kind, name) for kind in kinds for name in names))
        policies, bindings = read[: len(names)], read[len(names) :]
        found = policies_in_place(
            [raw for raw in policies if raw],
            [raw for raw in bindings if raw],
            self._installation,
            self._namespaces,
        )
        if found is None:
            return None
        if found.identity != self._seen[0]:
            self._seen = found.identity, self._clock()
        return replace(found, since=max(found.since, self._seen[1])) if found.edited else found

    async def _read(self, resource: Resource, name: str) -> Raw | None:
        try:
            return await self._client.get(resource, None, name)
        except ApiError as error:
            if error.status in (403, 404):
                return None
            raise
