"""The outermost middleware: counts and times requests for Prometheus."""

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
    """State of a request, shared by its threads, which do not share context variables."""

    misses_history: bool = False


_CURRENT: ContextVar[_Request] = ContextVar("measured request")


def miss_history() -> None:
    """Record that the response to the current request lacks the history."""
    current = _CURRENT.get(None)
    if current is not None:
        current.misses_history = True


class MetricsMiddleware:
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
        """Serve a request; its metrics are updated before the client has the response."""
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
            if not started:  # the server responds
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
