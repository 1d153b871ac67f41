"""Streams end with the session of their reader."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

from starlette.requests import Request

from orchestrator.api.limits import Slots
from orchestrator.api.middleware import RELEASE
from orchestrator.api.senders import CALLER
from orchestrator.api.streaming import Stream


async def test_a_stream_ends_with_the_session_of_its_reader() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.Event().wait()

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(_: Any) -> None:
        """Take it."""

    slots = Slots(1, "streams")
    request = cast(
        "Request", SimpleNamespace(app=SimpleNamespace(state=SimpleNamespace(streams=slots)))
    )
    stream = Stream(request, parts(), "text/plain", time.time() + 0.2)
    scope = {"type": "http", RELEASE: lambda: None, CALLER: "ana", "asgi": {"spec_version": "2.4"}}
    await stream(scope, receive, send)
    assert slots.active == 0
