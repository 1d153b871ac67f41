"""Answers probes and Prometheus: ready while every watch is heard of, alive unless one is lost or
the process's loop hangs.

Served by an event loop of their own (`orchestrator.process.background_loop`), so that no pass
delays an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from orchestrator.kube.reflector import Reflector
from orchestrator.process.background_loop import InlineLoop

MAX_SILENCE = 180.0
"""Seconds; the API server sends a bookmark about every minute."""
LOST = 600.0
"""Seconds of silence of a watch after which the process counts as dead. A watch that hears nothing
for 90 seconds is restarted, so this is a bug and not an outage of the API server."""


def unready(reflectors: Sequence[Reflector]) -> list[str]:
    """Why it is not ready, in words."""
    return [
        f"the watch of {reflector.name} "
        + ("is silent" if reflector.synced.is_set() else "has not listed yet")
        for reflector in reflectors
        if not reflector.synced.is_set() or reflector.silence > MAX_SILENCE
    ]


def lost(reflectors: Sequence[Reflector]) -> list[str]:
    """The watches that have been silent for so long that only a new start helps, in words."""
    return [
        f"the watch of {reflector.name} has been silent for {reflector.silence:.0f} seconds"
        for reflector in reflectors
        if reflector.synced.is_set() and reflector.silence > LOST
    ]


def hung(loop: InlineLoop) -> list[str]:
    """That the process's loop has answered nothing for minutes, in words."""
    return [f"the process has been hung for {loop.silence:.0f} seconds"] if loop.hung else []


async def serve(
    address: str,
    reflectors: Sequence[Reflector],
    figures: Callable[[], bytes],
    loop: InlineLoop,
    others: Callable[[], list[str]] = list,
) -> None:
    """Serve until cancelled."""
    async with serving(address, reflectors, figures, loop, others):
        await asyncio.Event().wait()


@asynccontextmanager
async def serving(
    address: str,
    reflectors: Sequence[Reflector],
    figures: Callable[[], bytes],
    loop: InlineLoop,
    others: Callable[[], list[str]] = list,
) -> AsyncIterator[None]:
    """Serve /healthz, /readyz and /metrics at HOST:PORT.

    `figures` returns the metrics in Prometheus' text format; `loop` watches the process's own;
    `others` returns further reasons for which it is not ready, in words.
    """

    async def alive(_: web.Request) -> web.Response:
        problems = [*lost(reflectors), *hung(loop)]
        text = "".join(f"{problem}\n" for problem in problems) or "ok\n"
        return web.Response(text=text, status=503 if problems else 200)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=figures(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def ready(_: web.Request) -> web.Response:
        problems = [*unready(reflectors), *others()]
        text = "".join(f"{problem}\n" for problem in problems) or "ok\n"
        return web.Response(text=text, status=503 if problems else 200)

    application = web.Application()
    application.add_routes(
        [
            web.get("/healthz", alive),
            web.get("/readyz", ready),
            web.get("/metrics", metrics),
        ]
    )
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        host, _, port = address.rpartition(":")
        await web.TCPSite(runner, host or "0.0.0.0", int(port)).start()  # noqa: S104
        yield
    finally:
        await runner.cleanup()
