"""Streams of events and logs: they resume where they were, and end when there is nothing more."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from orchestrator.client import Client, NoAnswerError, ProblemError
from orchestrator.client.lines import Position, events_of, lines_of
from tests.unit.client.stub_server import StubServer

HEAD = "retry: 1\n\n"
FIRST = 'id: 1\nevent: execution\ndata: {"phase":"Running"}\n\n'
SECOND = ': heartbeat\n\nid: 2\r\nevent: execution\r\ndata: {"phase":"Succeeded"}\r\n\r\n'
END = 'id: 2\nevent: end\ndata: {"phase":"Succeeded"}\n\n'
CUT = "cut"


class Streams:
    """A stream for each connection; one with CUT breaks there."""

    def __init__(self, *streams: tuple[str, ...] | int) -> None:
        self._streams = list(streams)
        self.resumed: list[str] = []

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.resumed.append(request.headers.get("Last-Event-ID", ""))
        parts = self._streams.pop(0)
        if isinstance(parts, int):
            return web.json_response({"title": "T", "detail": "no"}, status=parts)
        response = web.StreamResponse()
        await response.prepare(request)
        for part in parts:
            if part == CUT:
                assert request.transport is not None
                request.transport.abort()
                break
            await response.write(part.encode())
        return response


async def read(streams: Streams) -> list[str]:
    async with StubServer(streams) as server, Client(server.url) as client:
        return [
            f"{one.kind} {one.data.get('phase')}" async for one in client.executions.events("e")
        ]


async def test_a_broken_stream_resumes_after_its_last_event() -> None:
    streams = Streams((HEAD, FIRST, CUT), (HEAD, FIRST[:20], CUT), (HEAD,), (HEAD, SECOND, END))
    assert await read(streams) == ["execution Running", "execution Succeeded", "end Succeeded"]
    assert streams.resumed == ["", "1", "1", "1"]


async def test_a_stream_ends_when_the_execution_is_deleted_or_has_ended_before() -> None:
    assert await read(Streams((HEAD, "event: deleted\ndata: {}\n\n"))) == ["deleted None"]
    assert await read(Streams((HEAD, FIRST, CUT), 204)) == ["execution Running"]


async def test_a_stream_that_may_not_be_read_further_is_refused() -> None:
    error = 'event: error\ndata: {"status":403,"detail":"you may not watch"}\n\n'
    with pytest.raises(ProblemError, match="you may not watch") as refused:
        await read(Streams((HEAD, FIRST, error)))
    assert (refused.value.status, refused.value.title) == (403, "Forbidden")
    with pytest.raises(ProblemError) as missing:
        await read(Streams(404))
    assert missing.value.status == 404


async def test_a_server_that_gives_nothing_is_reported_after_some_attempts() -> None:
    streams = Streams((CUT,), (CUT,), (CUT,))
    async with StubServer(streams) as server, Client(server.url, retries=1) as client:
        stream = client.executions.events("e", last_event_id="5")
        client._transport.wait = _no_wait  # type: ignore[method-assign]
        with pytest.raises(NoAnswerError):
            await anext(aiter(stream))
    assert streams.resumed == ["5", "5"]


async def _no_wait(failures: int, asked: float | None = None) -> None:
    pass


async def test_lines_of_a_log_arrive_as_they_are_written() -> None:
    streams = Streams(("one\nt", "wo\nö\n", "last"), ("one\n", CUT))
    async with StubServer(streams) as server, Client(server.url) as client:
        lines = [line async for line in client.executions.logs("e", "n", follow=True)]
        assert lines == ["one", "two", "ö", "last"]
        broken = client.executions.logs("e", "n")
        assert await anext(broken) == "one"
        with pytest.raises(NoAnswerError):
            await anext(broken)


async def test_a_line_may_be_cut_anywhere() -> None:
    text = (HEAD + FIRST + SECOND + END).encode()

    async def parts(size: int) -> AsyncIterator[bytes]:
        for start in range(0, len(text), size):
            yield text[start : start + size]

    whole = [one async for one in events_of(lines_of(parts(len(text))), Position())]
    assert len(whole) == 3
    for size in (1, 2, 3, 7):
        assert [one async for one in events_of(lines_of(parts(size)), Position())] == whole
