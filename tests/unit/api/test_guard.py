"""What every request passes, by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Message, Receive, Scope, Send

from orchestrator.api import middleware
from orchestrator.api.limits import Limits, is_deeper
from orchestrator.api.metrics import ApiMetrics
from orchestrator.api.middleware import Guard

Sends = Callable[[bytes], Any]


async def answer(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def accept(_: Scope) -> None:
    """Every token is valid."""


async def sent(guard: Guard, body: bytes) -> int:
    """The status of the answer to a body of JSON with a token."""
    statuses: list[int] = []
    headers = {"authorization": "Bearer ana", "content-type": "application/json",
               "content-length": str(len(body))}  # fmt: skip
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/automation/workflows",
        "client": ("10.0.0.1", 1),
        "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await guard(scope, receive, send)
    return statuses[0]


def guard_of(limits: Limits) -> Guard:
    return Guard(answer, limits, ApiMetrics(CollectorRegistry()), accept, monotonic=lambda: 0.0)


async def test_a_large_body_counts_as_the_requests_whose_time_it_takes() -> None:
    """A megabyte of empty lists keeps the event loop for as long as a hundred small requests."""
    guard = guard_of(Limits(burst=100))
    body = b"[" + b",".join([b"[]"] * 300_000) + b"]"
    assert [await sent(guard, body) for _ in range(5)] == [200, 200, 200, 429, 429]


async def test_a_body_that_counts_more_than_a_burst_takes_all_of_it() -> None:
    guard = guard_of(Limits(burst=10))
    assert await sent(guard, b"[" + b" " * 900_000 + b"]") == 200
    assert await sent(guard, b"[]") == 429


async def test_large_bodies_are_checked_beside_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[threading.Thread] = []

    def noted(value: Any, depth: int) -> bool:
        threads.append(threading.current_thread())
        return is_deeper(value, depth)

    monkeypatch.setattr(middleware, "is_deeper", noted)
    guard = guard_of(Limits())
    assert await sent(guard, b"[1]") == 200
    assert await sent(guard, b"[" + b" " * Limits().large + b"]") == 200
    here = threading.current_thread()
    assert [thread is here for thread in threads] == [True, False]
