"""Answers that are streams: they count towards a limit of their own, and a stalled reader ends
them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from orchestrator.api.instrumentation import STREAM
from orchestrator.api.limits import Slots
from orchestrator.api.middleware import RELEASE
from orchestrator.api.senders import CALLER

logger = logging.getLogger(__name__)
WRITE_SECONDS = 60.0
"""Seconds for which a reader may take nothing before the stream ends."""


class Stream(StreamingResponse):
    """An answer of many parts, for as long as the reader takes them."""

    def __init__(
        self,
        request: Request,
        parts: AsyncIterator[bytes],
        media_type: str,
        ends: float | None = None,
    ) -> None:
        """`ends` is when the reader's session does, in seconds since the epoch."""
        super().__init__(parts, media_type=media_type, headers={"X-Accel-Buffering": "no"})
        self._parts = parts
        self._ends = ends
        self._slots: Slots = request.app.state.streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the parts. Raises TooManyError before the first if there are too many streams."""
        with self._slots.one(scope[CALLER]):
            scope[STREAM] = True
            scope[RELEASE]()
            await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """Send the parts, each within WRITE_SECONDS, until the reader's session ends."""
        left = None if self._ends is None else self._ends - time.time()
        try:
            async with asyncio.timeout(left), aclosing(self._parts):  # type: ignore[type-var]
                await super().stream_response(_bounded(send))
        except TimeoutError:
            return


class BrokenError(Exception):
    """The rest of an answer is missing."""


class Passed(StreamingResponse):
    """An answer of another server, which counts as a request for as long as its reader takes. Its
    end is missing where that of the other is."""

    def __init__(
        self, parts: AsyncIterator[bytes], status: int, headers: Mapping[str, str]
    ) -> None:
        super().__init__(parts, status, headers)
        self._parts = parts

    async def stream_response(self, send: Send) -> None:
        """Send the parts, each within WRITE_SECONDS."""
        try:
            async with aclosing(self._parts):  # type: ignore[type-var]
                await super().stream_response(_bounded(send))
        except (BrokenError, TimeoutError) as error:
            logger.warning(
                "an answer of the API server ends early: %s", error or "a stalled reader"
            )


def _bounded(send: Send) -> Send:
    """Sends each message within WRITE_SECONDS. Raises TimeoutError."""

    async def bounded(message: Message) -> None:
        async with asyncio.timeout(WRITE_SECONDS):
            await send(message)

    return bounded
