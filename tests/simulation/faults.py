"""Faults between an operator and the API server, drawn from a seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import aiohttp
import orjson

from orchestrator.kube.credentials import Credentials
from orchestrator.kube.errors import ApiError
from orchestrator.kube.transport import Transport
from tests.simulation.store import Store
from tests.simulation.views import Raw

ANSWER_TIMEOUT = 60.0
"""Seconds that the real transport waits for an answer."""
WEBHOOK = "admission webhook denied the request: not today"
_NEVER_REFUSED = ("/leases", "/events")


@dataclass
class Faults:
    """The rates of faults, per request or event."""

    lost: float = 0.0
    """A request is not sent, or its answer is lost after it took effect: half and half."""
    busy: float = 0.0
    """429, 500 or 503 instead of an answer."""
    conflict: float = 0.0
    """409 on a guarded write, as if somebody else had just written."""
    refused: float = 0.0
    """422 on a creation, by a webhook of others that looks before the server asks whether the
    object exists."""
    slow: float = 0.0
    """An answer comes half a minute late at most, or after the client has given up: what it says
    is then old, a list's at the start of an operator too."""
    expired: float = 0.0
    """Lists come in pages of two, and what is left of one has expired when it is asked for."""
    lag: float = 0.0
    """Seconds by which watches may be behind, at most."""
    doubled: float = 0.0
    dropped: float = 0.0
    merged: float = 0.0
    """Several changes of an object arrive as one event, as far as they happened by then."""
    cut: float = 0.0
    """A watch is cut after an event; half of them have then expired."""
    decisive: bool = field(init=False)
    """Whether the faults change the outcome of a run."""

    def __post_init__(self) -> None:
        self.decisive = self.refused > 0

    def stop(self) -> None:
        """Stop injecting faults."""
        for each in fields(self):
            if each.init:
                setattr(self, each.name, 0.0)


class FaultyTransport(Transport):
    """The real transport with its retries, over a store instead of a network."""

    def __init__(
        self,
        store: Store,
        faults: Faults | None = None,
        rng: random.Random | None = None,
        latency: float = 0.01,
    ) -> None:
        super().__init__(_NoCredentials())
        self.store, self._faults, self._latency = store, faults or Faults(), latency
        self._rng = rng or random.Random(1)
        self.dead = False
        self.thawed = asyncio.Event()
        """Unset while the process is frozen: what it sends leaves when it wakes."""
        self.thawed.set()
        self.crash_at: tuple[int, bool] | None = None
        """The number of the write that it does not survive, and whether that takes effect."""
        self.crashed = asyncio.Event()
        self.writes = 0
        self._unanswered: list[asyncio.Future[None]] = []
        """What a dead process waits for: without it, it would be collected as garbage."""

    async def exchange(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str],
        data: bytes | None,
        accept: str,
        content_type: str,  # noqa: ARG002
    ) -> Raw:
        """As the store answers; tests put further faults in here."""
        await asyncio.sleep(self._latency * self._rng.random())
        await self._alive()
        write = verb not in ("get", "list")
        body = None if data is None else orjson.loads(data)
        if write and self._crashes(before=True):
            await self.die()
        if self.store.away:
            raise aiohttp.ServerDisconnectedError("no server is there")
        lost = self._rng.random() < self._faults.lost
        if lost and self._rng.random() < 0.5:
            raise aiohttp.ServerDisconnectedError("the request was lost")
        self._refuse(verb, path, query, body)
        answer = self.store.answer(verb, path, self._paged(verb, query), body, accept)
        if write and self._crashes(before=False):
            await self.die()
        self.writes += write
        await asyncio.sleep(self._latency * self._rng.random())
        await self._linger()
        await self._alive()
        if lost:
            raise aiohttp.ServerDisconnectedError("the answer was lost")
        return answer

    async def _linger(self) -> None:
        if self._happens(self._faults.slow):
            seconds = self._rng.choice([5.0, 30.0, ANSWER_TIMEOUT])
            await asyncio.sleep(seconds)
            if seconds == ANSWER_TIMEOUT:
                raise TimeoutError

    def _paged(self, verb: str, query: Mapping[str, str]) -> Mapping[str, str]:
        """A server may make pages smaller than it was asked for."""
        return {**query, "limit": "2"} if verb == "list" and self._faults.expired else query

    def _merges(self) -> bool:
        return self._happens(self._faults.merged)

    def _happens(self, rate: float) -> bool:
        return rate > 0 and self._rng.random() < rate

    def _refuse(self, verb: str, path: str, query: Mapping[str, str], body: Any) -> None:
        if self._rng.random() < self._faults.busy:
            code, reason = self._rng.choice(
                [(429, "TooManyRequests"), (500, "InternalError"), (503, "ServiceUnavailable")]
            )
            raise ApiError(code, reason, "come again", 1.0 if code == 429 else None)
        guarded = verb == "patch" and _is_guarded(body)
        if guarded and self._rng.random() < self._faults.conflict:
            raise ApiError(409, "Conflict", "the object has been modified")
        made = verb in ("create", "apply") and not path.endswith(_NEVER_REFUSED)
        if made and self._happens(self._faults.refused):
            raise ApiError(422, "Invalid", WEBHOOK)
        if "continue" in query and self._happens(self._faults.expired):
            raise ApiError(410, "Expired", "the continue token is too old")

    async def stream(
        self,
        plural: str,  # noqa: ARG002
        path: str,
        query: Mapping[str, str],
        accept: str,
    ) -> AsyncIterator[bytes]:
        """Events, late, twice, several as one, or not at all."""
        await self._alive()
        faults, rng = self._faults, self._rng
        if self.store.away or rng.random() < faults.lost:
            raise aiohttp.ServerDisconnectedError("no watch")
        async for event in self.store.watch(path, query, accept, self._merges):
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
                    self.store.compact()
                raise aiohttp.ServerDisconnectedError("the watch was cut")

    def _crashes(self, *, before: bool) -> bool:
        return self.crash_at == (self.writes, before)

    async def die(self) -> None:
        """Kill the process: it receives no further responses."""
        self.dead = True
        self.crashed.set()
        await self._alive()

    async def _alive(self) -> None:
        await self.thawed.wait()
        if self.dead:  # no process is left to receive an answer
            self._unanswered.append(asyncio.get_running_loop().create_future())
            await self._unanswered[-1]


class _NoCredentials(Credentials):
    def __init__(self) -> None:
        """No proof of identity is needed."""


def _is_guarded(patch: Any) -> bool:
    """Whether a merge patch or a JSON patch names the resourceVersion that it changes."""
    if isinstance(patch, list):
        return any(step["path"] == "/metadata/resourceVersion" for step in patch)
    return "resourceVersion" in (patch.get("metadata") or {})
