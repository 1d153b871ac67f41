"""Counts the answers to requests, and times them, outside of everything else that they pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.api.metrics import NO_ROUTE, ApiMetrics

STREAM = "orchestrator.stream"
"""The key of the request's scope that a stream sets."""


@dataclass(slots=True)
class _Request:
    """What its threads note about a request: they share it, as a context variable would not."""

    misses_history: bool = False


_CURRENT: ContextVar[_Request] = ContextVar("measured request")


def miss_history() -> None:
    """Note that the answer to the current request lacks the history, whose database is away."""
    current = _CURRENT.get(None)
    if current is not None:
        current.misses_history = True


class Measure:
    """Measures every request but those of probes."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: ApiMetrics,
        route_of: Callable[[Scope], str],
        without: tuple[str, ...],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`route_of` returns the template of the route that served a request, empty if none did;
        requests to the paths `without` are not measured."""
        self._app = app
        self._metrics = metrics
        self._route_of = route_of
        self._without = without
        self._monotonic = monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request. What is counted is so before the reader has the answer."""
        if scope["type"] != "http" or scope["path"] in self._without:
            await self._app(scope, receive, send)
            return
        began = self._monotonic()
        request = _Request()
        token = _CURRENT.set(request)
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._answered(scope, request, message["status"])
            elif not message.get("more_body") and STREAM not in scope:
                self._took(scope, began)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:
            if not started:  # what is outside of this answers
                self._answered(scope, request, 500)
                self._took(scope, began)
            raise
        finally:
            _CURRENT.reset(token)

    def _answered(self, scope: Scope, request: _Request, status: int) -> None:
        self._metrics.answered(scope["method"], self._route(scope), status)
        if request.misses_history:
            self._metrics.without_history()

    def _took(self, scope: Scope, began: float) -> None:
        self._metrics.took(scope["method"], self._route(scope), self._monotonic() - began)

    def _route(self, scope: Scope) -> str:
        return self._route_of(scope) or NO_ROUTE
