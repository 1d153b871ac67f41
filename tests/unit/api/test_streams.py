"""Live streams of an execution: states that a reader may skip, but whose end they see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from orchestrator.api.streams import events_of
from orchestrator.kube.client import ApiClient
from orchestrator.kube.resources import EXECUTIONS
from tests.apiserver import ApiServer


async def put(server: ApiServer, phase: str, **nodes: str) -> dict[str, Any]:
    records = {name: {"phase": at} for name, at in nodes.items()}
    status = {"phase": phase, "nodes": records}
    spec = {"workflow": "w"}
    return await server.put("workflowexecutions", "n", "run", spec=spec, status=status)


async def started(client: ApiClient, last: str = "") -> AsyncIterator[tuple[str, str, Any]]:
    """The events of a stream: kind, id and data."""
    found = await client.get(EXECUTIONS, "n", "run")
    stream = events_of(client, found, last)

    async def parsed() -> AsyncIterator[tuple[str, str, Any]]:
        async for raw in stream:
            fields = dict(line.split(": ", 1) for line in raw.decode().split("\n") if ": " in line)
            if "event" in fields:
                yield fields["event"], fields.get("id", ""), json.loads(fields["data"])

    return parsed()


async def test_the_first_event_has_all_nodes_and_later_ones_what_changed(
    server: ApiServer, client: ApiClient
) -> None:
    await put(server, "Running", a="Succeeded", b="Running")
    events = await started(client)
    _, _, first = await anext(events)
    assert first["nodes"].keys() == {"a", "b"}
    following = asyncio.ensure_future(anext(events))
    await server.until(lambda: server.watched == 1)
    await put(server, "Running", a="Succeeded", b="Succeeded")
    _, _, second = await following
    assert second["nodes"] == {"b": {"phase": "Succeeded"}}
    await put(server, "Succeeded", a="Succeeded", b="Succeeded")
    rest = [kind async for kind, _, _ in events]
    assert rest == ["execution", "end"]


async def test_a_slow_reader_gets_the_latest_state_and_misses_nothing_that_lasts(
    server: ApiServer, client: ApiClient
) -> None:
    await put(server, "Running", a="Running")
    events = await started(client)
    await anext(events)
    following = asyncio.ensure_future(anext(events))
    await server.until(lambda: server.watched == 1)
    await put(server, "Running", a="Running", b="Running")
    await following
    for count in range(300):
        await put(server, "Running", a="Running", b=f"State{count}")
    await put(server, "Failed", a="Failed", b="Failed")
    seen = [(kind, data) async for kind, _, data in events]
    assert len(seen) < 300
    assert seen[-1] == ("end", {"phase": "Failed"})
    assert seen[-2][1]["nodes"]["b"] == {"phase": "Failed"}


async def test_a_stream_survives_a_watch_that_breaks_off_and_one_that_expires(
    server: ApiServer, client: ApiClient
) -> None:
    await put(server, "Running", a="Running")
    events = await started(client)
    await anext(events)
    following = asyncio.ensure_future(anext(events))
    await server.until(lambda: server.watched == 1)
    await put(server, "Succeeded", a="Succeeded")
    await server.compact()
    assert (await following)[2]["nodes"] == {"a": {"phase": "Succeeded"}}
    assert [kind async for kind, _, _ in events] == ["end"]


async def test_a_deleted_execution_ends_the_stream(server: ApiServer, client: ApiClient) -> None:
    await put(server, "Running")
    events = await started(client)
    await anext(events)
    following = asyncio.ensure_future(anext(events))
    await server.until(lambda: server.watched == 1)
    await server.remove("workflowexecutions", "n", "run")
    assert (await following)[0] == "deleted"


async def test_a_reader_who_has_seen_the_end_gets_it_again(
    server: ApiServer, client: ApiClient
) -> None:
    raw = await put(server, "Succeeded", a="Succeeded")
    version = raw["metadata"]["resourceVersion"]
    events = await started(client, version)
    assert [kind async for kind, _, _ in events] == ["end"]
