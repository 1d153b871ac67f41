"""What goes wrong between an operator and the API server, drawn from a seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from orchestrator.controller.credentials import Credentials
from orchestrator.controller.errors import ApiError
from orchestrator.controller.transport import Transport
from tests.simulation.store import Raw, Store


@dataclass
class Faults:
    """How often what goes wrong; rates are per request or event."""

    lost: float = 0.0
    """A request is not sent, or its answer is lost after it took effect: half and half."""
    busy: float = 0.0
    """429, 500 or 503 instead of an answer."""
    conflict: float = 0.0
    """409 on a guarded write, as if somebody else had just written."""
    lag: float = 0.0
    """Seconds by which watches may be behind, at most."""
    doubled: float = 0.0
    dropped: float = 0.0
    cut: float = 0.0
    """A watch is cut after an event; half of them have then expired."""

    def stop(self) -> None:
        """From now on all goes well."""
        self.lost = self.busy = self.conflict = 0.0
        self.lag = self.doubled = self.dropped = self.cut = 0.0


class Crash(BaseException):
    """Ends the process that asked."""


class FaultyTransport(Transport):
    """The real transport with its retries, over a store instead of a network."""

    def __init__(self, store: Store, faults: Faults, rng: random.Random, latency: float) -> None:
        super().__init__(_NoCredentials())
        self._store, self._faults, self._rng, self._latency = store, faults, rng, latency
        self.dead = False
        self.thawed = asyncio.Event()
        """Unset while the process is frozen: what it sends leaves when it wakes."""
        self.thawed.set()
        self.crash_at: tuple[int, bool] | None = None
        """The number of the write that it does not survive, and whether that takes effect."""
        self.crashed = asyncio.Event()
        self.writes = 0

    async def _once(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str],
        data: bytes | None,
        accept: str,
        content_type: str,  # noqa: ARG002
    ) -> Raw:
        await asyncio.sleep(self._latency * self._rng.random())
        await self._alive()
        write = verb not in ("get", "list")
        body = None if data is None else orjson.loads(data)
        if write and self._crashes(before=True):
            await self._die()
        lost = self._rng.random() < self._faults.lost
        if lost and self._rng.random() < 0.5:
            raise aiohttp.ServerDisconnectedError("the request was lost")
        self._refuse(verb, body)
        answer = self._store.answer(verb, path, query, body, accept)
        if write and self._crashes(before=False):
            await self._die()
        self.writes += write
        await asyncio.sleep(self._latency * self._rng.random())
        await self._alive()
        if lost:
            raise aiohttp.ServerDisconnectedError("the answer was lost")
        return answer

    def _refuse(self, verb: str, body: Any) -> None:
        if self._rng.random() < self._faults.busy:
            code, reason = self._rng.choice(
                [(429, "TooManyRequests"), (500, "InternalError"), (503, "ServiceUnavailable")]
            )
            raise ApiError(code, reason, "come again", 1.0 if code == 429 else None)
        guarded = verb == "patch" and "resourceVersion" in (body.get("metadata") or {})
        if guarded and self._rng.random() < self._faults.conflict:
            raise ApiError(409, "Conflict", "the object has been modified")

    async def stream(
        self,
        plural: str,  # noqa: ARG002
        path: str,
        query: Mapping[str, str],
        accept: str,  # noqa: ARG002
    ) -> AsyncIterator[bytes]:
        """Events, late, twice, or not at all."""
        await self._alive()
        faults, rng = self._faults, self._rng
        if rng.random() < faults.lost:
            raise aiohttp.ServerDisconnectedError("no watch")
        async for event in self._store.watch(path, query):
            if rng.random() < 0.3:
                await asyncio.sleep(faults.lag * rng.random())
            await self._alive()
            if event["type"] != "BOOKMARK":
                if rng.random() < faults.dropped:
                    continue
                if rng.random() < faults.doubled:
                    yield orjson.dumps(event)
            yield orjson.dumps(event)
            if rng.random() < faults.cut:
                if rng.random() < 0.5:
                    self._store.compact()
                raise aiohttp.ServerDisconnectedError("the watch was cut")

    def _crashes(self, *, before: bool) -> bool:
        return self.crash_at == (self.writes, before)

    async def _die(self) -> None:
        self.dead = True
        self.crashed.set()
        await self._alive()

    async def _alive(self) -> None:
        await self.thawed.wait()
        if self.dead:  # nobody is there any more who would get an answer
            await asyncio.get_running_loop().create_future()


class _NoCredentials(Credentials):
    def __init__(self) -> None:
        """There is nobody to prove anything to."""
