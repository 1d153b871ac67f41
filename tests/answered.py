"""Which routes of the REST API answer each test with a success.

Users and browsers of the tests note each answer of an API's process. What was noted is a property
of the test's report, from which `make test` learns whether each route is proven (dev/proof).
"""

from __future__ import annotations

import functools
import re

import pytest

from dev.proof.run import ANSWERED

PREFIX = "/automation"
_answered: set[tuple[str, str]] = set()


def note(method: str, path: str, status: int) -> None:
    """An API has answered a request to this path, its query left out."""
    if status < 400 and path.startswith(f"{PREFIX}/"):
        _answered.add((method, path.removeprefix(PREFIX)))


def take() -> list[str]:
    """The routes that answered since the last call."""
    found = {route for method, path in _answered if (route := route_of(method, path))}
    _answered.clear()
    return sorted(found)


def route_of(method: str, path: str) -> str | None:
    """The route that serves a path; None for what is no route of the description."""
    return next(
        (route for route, pattern in _patterns() if pattern.fullmatch(f"{method} {path}")), None
    )


@functools.cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Routes without parameters come first."""
    from dev.proof.routes import served  # takes a second, which only tests of the API need

    return [
        (route, re.compile(re.sub(r"\{\w+\}", "[^/]+", route)))
        for route in sorted(served(), key=lambda route: route.count("{"))
    ]


def report(item: pytest.Item) -> None:
    """Add the routes that answered the test to its reports from now on."""
    if _answered:
        item.user_properties.append((ANSWERED, take()))
