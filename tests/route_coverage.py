"""Coverage of the REST API: the routes that responded to each test with a success.

The HTTP clients of the tests record each response of an API process. The records become a property
of the test's report, by which `make test` checks that each route is covered (dev/proof).
"""

from __future__ import annotations

import functools
import re

import pytest

from dev.proof.run import ANSWERED

PREFIX = "/automation"
_answered: set[tuple[str, str]] = set()


def record(method: str, path: str, status: int) -> None:
    """Record the response to a request; `path` has no query."""
    if status < 400 and path.startswith(f"{PREFIX}/"):
        _answered.add((method, path.removeprefix(PREFIX)))


def take() -> list[str]:
    """The routes recorded since the last call."""
    found = {route for method, path in _answered if (route := route_of(method, path))}
    _answered.clear()
    return sorted(found)


def route_of(method: str, path: str) -> str | None:
    """The route that serves a path; None if the OpenAPI document has no such route."""
    return next(
        (route for route, pattern in _patterns() if pattern.fullmatch(f"{method} {path}")), None
    )


@functools.cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The routes and their patterns, those without parameters first."""
    from dev.proof.routes import served  # slow; only tests of the API need it

    return [
        (route, re.compile(re.sub(r"\{\w+\}", "[^/]+", route)))
        for route in sorted(served(), key=lambda route: route.count("{"))
    ]


def report(item: pytest.Item) -> None:
    """Add the recorded routes to the reports of the test from now on."""
    if _answered:
        item.user_properties.append((ANSWERED, take()))
