"""Whether the API lives, and whether it can serve."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from orchestrator.api.clients import Clients
from orchestrator.api.openapi import returns
from orchestrator.api.problems import ProblemError
from orchestrator.api.responses import json_response

router = APIRouter(tags=["service"])
READY_SECONDS = 1.0
"""Seconds for which a readiness is answered again."""


class Readiness:
    """Asks for all probes at once: they need no token, and no limit refuses them."""

    def __init__(
        self, clients: Clients | None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._clients = clients
        self._monotonic = monotonic
        self._lock = asyncio.Lock()
        self._found = "", ""
        self._until = float("-inf")

    async def read(self) -> tuple[str, str]:
        """Why the API server cannot be used, and why the history cannot; empty if they can."""
        async with self._lock:
            if self._monotonic() >= self._until:
                self._found = await run_in_threadpool(self._read)
                self._until = self._monotonic() + READY_SECONDS
            return self._found

    def _read(self) -> tuple[str, str]:
        assert self._clients is not None
        if problem := self._clients.ready():
            return problem, ""
        history = self._clients.history
        return "", "" if history is None else history.problem()


@router.get("/health", responses=returns("Status", "The process lives."))
async def health() -> Response:
    """Whether the process lives; needs no token. It says nothing of the API server or of the
    history, which a restart brings back no sooner: `readiness` does."""
    return json_response({"status": "ok"})


@router.get("/readiness", responses=returns("Status", "The API can serve requests."))
async def readiness(request: Request) -> Response:
    """Whether the API server can be reached; needs no token. Ready without the history: then
    `history` says why answers leave it out."""
    found: Readiness = request.app.state.readiness
    problem, reason = await found.read()
    if problem:
        raise ProblemError(503, problem)
    # All replicas share the database: a 503 would take each of them out of service, although they
    # answer for everything that is on the cluster.
    return json_response({"status": "ok"} | ({"history": reason} if reason else {}))
