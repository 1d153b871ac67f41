"""The history behind the REST API: executions that the cluster has removed."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from orchestrator.kube.errors import ApiError
from orchestrator.operations.records import is_from_history
from orchestrator.session.errors import NotFoundError, UnreachableError, UsageError
from orchestrator.session.transport import Raw, Transport

if TYPE_CHECKING:
    from orchestrator.kube.blocking_transport import BlockingTransport
    from orchestrator.session.node_logs import Choice

MAX_PAGE = 500
"""Executions of a request for a list."""
Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Records:
    """Executions of the history, without their nodes."""

    items: list[Raw]
    total: int = 0
    """How many match, of which `items` are the first."""
    unavailable: str = ""
    """Why the history cannot be read; empty if it can."""


class History:
    """Requests to the routes of the REST API, which answer by the caller's own rights."""

    def __init__(self, routes: BlockingTransport, *, timeout: float | None = None) -> None:
        self._routes = Transport(routes, timeout=timeout)

    def execution(self, namespace: str, name: str) -> Raw | None:
        """The newest record of a name, or of `@latest` if it is newer than all objects; None if
        there is none, or if the cluster has the execution.

        Raises UnreachableError if only the history could have it and cannot be read.
        """
        try:
            with _in_words():
                found = self._routes.request("GET", _path(namespace, name))
        except NotFoundError:
            return None
        return found if is_from_history(found) else None

    def executions(self, parameters: Parameters, limit: int) -> Records:
        """The newest records that match the parameters of the route, at most `limit`."""
        items: list[Raw] = []
        page, total = "", 0
        while len(items) < limit:
            size = min(MAX_PAGE, limit - len(items))
            asked = [*parameters, ("fromHistory", "true"), ("limit", str(size))]
            asked += [("page", page)] if page else []
            with _in_words():
                answer = self._routes.request("GET", f"/executions?{urlencode(asked)}")
            if reason := answer.get("historyUnavailable"):
                return Records(items, total, str(reason))
            items += answer["items"]
            total, page = answer["total"], answer.get("next", "")
            if not page:
                break
        return Records(items, total)

    def log_lines(self, execution: Raw, choice: Choice, *, gone: bool) -> Iterator[str]:
        """The lines of the selected logs, from pods and from the history; with `gone`, only of pods
        that are gone."""
        metadata, reading = execution["metadata"], choice.reading
        numbers = {"attempt": choice.attempt, "item": choice.item, "tail": reading.tail}
        flags = {"failed": choice.failed, "timestamps": reading.timestamps, "gone": gone}
        query = {"node": choice.node or ""}
        query |= {name: str(number) for name, number in numbers.items() if number is not None}
        query |= {name: "true" for name, wanted in flags.items() if wanted}
        if reading.since is not None:
            query["since"] = f"{math.ceil(reading.since)}s"
        path = f"{_path(metadata['namespace'], metadata['name'])}/logs"
        with _in_words():
            yield from read_ahead(self._routes.text(path, query))


def read_ahead(lines: Iterator[str]) -> Iterator[str]:
    """The lines, read as fast as they come: the API ends a stream whose reader takes none for a
    minute, and the reader may be a pager."""
    waiting: SimpleQueue[str | Exception | None] = SimpleQueue()

    def read() -> None:
        try:
            for line in lines:
                waiting.put(line)
            waiting.put(None)
        except Exception as error:  # any error is raised again in the reader's thread
            waiting.put(error)

    threading.Thread(target=read, daemon=True).start()
    while (line := waiting.get()) is not None:
        if isinstance(line, Exception):
            raise line
        yield line


def _path(namespace: str, name: str) -> str:
    return f"/executions/{quote(namespace, safe='')}:{quote(name, safe='@')}"


@contextmanager
def _in_words() -> Iterator[None]:
    """The API's own sentence where it cannot answer: it may be the database that does not."""
    try:
        yield
    except UsageError as error:
        cause = error.__cause__
        if isinstance(cause, ApiError) and cause.status == 503:
            raise UnreachableError(cause.message) from error
        raise
