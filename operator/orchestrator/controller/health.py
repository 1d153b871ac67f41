"""Answers the kubelet's probes: alive while the loop turns, ready while every watch is heard of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from orchestrator.controller.reflector import Reflector

LONGEST_SILENCE = 180.0
"""Seconds; the API server sends a bookmark about every minute."""


def unready(reflectors: Sequence[Reflector]) -> list[str]:
    """What stands in the way of being ready, in words."""
    return [
        f"the watch of {reflector.name} "
        + ("is silent" if reflector.synced.is_set() else "has not listed yet")
        for reflector in reflectors
        if not reflector.synced.is_set() or reflector.silence > LONGEST_SILENCE
    ]


@asynccontextmanager
async def serving(address: str, reflectors: Sequence[Reflector]) -> AsyncIterator[None]:
    """Serve /healthz and /readyz at HOST:PORT; nothing when the address is empty."""
    if not address:
        yield
        return

    async def alive(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def ready(_: web.Request) -> web.Response:
        problems = unready(reflectors)
        text = "".join(f"{problem}\n" for problem in problems) or "ok\n"
        return web.Response(text=text, status=503 if problems else 200)

    application = web.Application()
    application.add_routes([web.get("/healthz", alive), web.get("/readyz", ready)])
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        host, _, port = address.rpartition(":")
        await web.TCPSite(runner, host or "0.0.0.0", int(port)).start()  # noqa: S104
        yield
    finally:
        await runner.cleanup()
