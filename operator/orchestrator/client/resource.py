"""What the methods of a resource are made of: one request, a list in pages, or a stream."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Generic, TypeVar

from orchestrator.client.errors import NoAnswerError, problem_of
from orchestrator.client.lines import Event, Position, events_of, lines_of
from orchestrator.client.transport import Query, Request, Stored, Transport

T = TypeVar("T")
PREFIX = "/automation"
"""Of the paths of all routes."""
LAST_EVENTS = ("end", "deleted")


class Page(Generic[T]):
    """A page of a list."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.items: list[T] = raw["items"]
        self.total: int = raw["total"]
        """The number of matching objects, on all pages."""
        self.next: str | None = raw.get("next")
        """The `page` that follows; None on the last."""
        self.not_listed: list[str] = raw.get("notListed") or []
        """Of the given namespaces, those in which the user may not list."""


class Pages(Generic[T]):
    """A list: `async for` gives its objects, `pages()` its pages, `await first()` the first page.

    Pages are read as they are needed.
    """

    def __init__(self, transport: Transport, path: str, query: Query) -> None:
        self._transport = transport
        self._path = path
        self._query = query

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item

    async def pages(self) -> AsyncIterator[Page[T]]:
        """The pages."""
        page = await self.first()
        yield page
        while page.next is not None:
            page = await self._read({**self._query, "page": page.next})
            yield page

    async def first(self) -> Page[T]:
        """The first page, or that of the parameter `page`."""
        return await self._read(self._query)

    async def _read(self, query: Query) -> Page[T]:
        request = Request("GET", f"{PREFIX}{self._path}", query, {}, repeat=True)
        return Page((await self._transport.json(request))[0])


class Resource:
    """The methods of one kind of object."""

    def __init__(self, transport: Transport, namespace: str) -> None:
        """`namespace` is that of names without one."""
        self._transport = transport
        self._namespace = namespace

    def _request(
        self,
        method: str,
        path: str,
        query: Query,
        body: Any = None,
        *,
        key: str | None = None,
        keyed: bool = False,
        if_match: str | None = None,
        repeat: bool = False,
    ) -> Request:
        """A request; one that is `keyed` has an Idempotency-Key, which makes it safe to repeat."""
        asked = dict(query)
        if asked.get("namespace", "") is None and self._namespace:
            asked["namespace"] = self._namespace
        headers = {"If-Match": if_match} if if_match else {}
        if keyed:
            headers["Idempotency-Key"] = key or str(uuid.uuid4())
        can_repeat = repeat or keyed or method == "GET"
        return Request(method, f"{PREFIX}{path}", asked, headers, body, can_repeat)

    async def _read(self, request: Request) -> Any:
        return (await self._transport.json(request))[0]

    async def _stored(self, request: Request) -> Stored[Any]:
        value, headers, status = await self._transport.json(request)
        return Stored(value, headers.get("ETag", ""), status == 201)

    async def _text(self, request: Request) -> str:
        return (await self._transport.text(request))[0]

    async def _lines(self, request: Request) -> AsyncIterator[str]:
        async with self._transport.open(replace(request, silent=True)) as response:
            async for line in lines_of(response.content.iter_any()):
                yield line

    async def _events(self, request: Request, last_event_id: str) -> AsyncIterator[Event]:
        """The events until the last; a connection that breaks is opened again, from where it was.

        Raises ProblemError if the execution can no longer be watched, and NoAnswerError after
        as many connections in a row without an answer as requests are repeated.
        """
        position, failures = Position(last_event_id), 0
        while True:
            headers = {"Last-Event-ID": position.id} if position.id else {}
            position.alive = False
            failure = NoAnswerError("the API ends the stream at once")
            try:
                async with self._transport.open(replace(request, headers=headers)) as response:
                    if response.status == 204:
                        return
                    lines = lines_of(response.content.iter_any())
                    async with aclosing(events_of(lines, position)) as events:
                        async for event in events:
                            if event.kind == "error":
                                raise problem_of(int(event.data["status"]), event.data)
                            yield event
                            if event.kind in LAST_EVENTS:
                                return
            except NoAnswerError as error:
                failure = error
            failures = 0 if position.alive else failures + 1
            if failures > self._transport.settings.retries:
                raise failure
            await self._transport.wait(1, position.wait)


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}
