"""What probes are told."""

from __future__ import annotations

import socket

import aiohttp

from orchestrator.controller.cache import Cache
from orchestrator.controller.client import ApiClient
from orchestrator.controller.health import LONGEST_SILENCE, serving, unready
from orchestrator.controller.reflector import Reflector
from orchestrator.controller.resources import JOBS
from tests.apiserver import ApiServer


async def test_ready_means_that_every_watch_was_heard_of(
    server: ApiServer, client: ApiClient
) -> None:
    await server.put("jobs", "a", "x")
    now = 0.0
    reflector = Reflector(client, JOBS, Cache(), monotonic=lambda: now)
    assert unready([reflector]) == ["the watch of jobs has not listed yet"]
    await reflector._relist(None)
    assert unready([reflector]) == []
    now = LONGEST_SILENCE + 1
    assert unready([reflector]) == ["the watch of jobs is silent"]


async def test_probes_are_answered(client: ApiClient) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    reflector = Reflector(client, JOBS, Cache())
    async with serving(f"127.0.0.1:{port}", [reflector]), aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/healthz") as alive:
            assert alive.status == 200
        async with session.get(f"http://127.0.0.1:{port}/readyz") as ready:
            assert ready.status == 503
            assert "has not listed" in await ready.text()
