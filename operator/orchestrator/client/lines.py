"""Lines and server-sent events of an answer that arrives in parts."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """A change of an execution."""

    kind: str
    """`execution` for its state and the nodes that changed; at last `end`, or `deleted`."""
    id: str
    """Where a stream resumes after this event."""
    data: dict[str, Any]


@dataclass(slots=True)
class Position:
    """Where a stream of events resumes."""

    id: str = ""
    wait: float = 2.0
    """Seconds before the next connection, as the API asks for."""
    alive: bool = False
    """Whether the connection has given anything."""


async def lines_of(parts: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """The lines of an answer, without their ends; the last one may lack its end."""
    rest = bytearray()
    async for part in parts:
        rest += part
        *whole, left = rest.split(b"\n")
        rest = bytearray(left)
        for line in whole:
            yield line.removesuffix(b"\r").decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")


async def events_of(lines: AsyncIterator[str], position: Position) -> AsyncGenerator[Event]:
    """The events of a stream; an event that is not complete is left out.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
    """
    kind, identity, data = "message", "", ""
    async for line in lines:
        position.alive = True
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                position.id = identity or position.id
                yield Event(kind, identity, json.loads(data))
            kind, identity, data = "message", "", ""
        elif field == "event":
            kind = value
        elif field == "id":
            identity = value
        elif field == "data":
            data += value
        elif field == "retry" and value.isdecimal():
            position.wait = int(value) / 1000
