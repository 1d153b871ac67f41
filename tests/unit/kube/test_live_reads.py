"""Live reads are shared, and none is older than the question."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.kube.client import ApiClient
from orchestrator.kube.errors import ApiError
from orchestrator.kube.live_reads import LiveReads
from orchestrator.kube.resources import WORKFLOWS
from tests.apiserver import ApiServer, busy


async def test_many_that_ask_at_once_share_a_read(server: ApiServer, client: ApiClient) -> None:
    await server.put("workflows", "a", "w", spec={"nodes": []})
    before = client.requests["get", "workflows"]
    reads = LiveReads(client)
    found = await asyncio.gather(*(reads.get(WORKFLOWS, "a", "w") for _ in range(100)))
    assert all(raw is not None and raw["metadata"]["name"] == "w" for raw in found)
    assert client.requests["get", "workflows"] == before + 2


async def test_who_asks_while_a_read_is_under_way_gets_what_was_there_then(
    server: ApiServer, client: ApiClient
) -> None:
    reads = LiveReads(client)
    early = asyncio.create_task(reads.get(WORKFLOWS, "a", "w"))
    await asyncio.sleep(0)
    await server.put("workflows", "a", "w", spec={"nodes": []})
    late = await reads.get(WORKFLOWS, "a", "w")
    assert late is not None
    await early
    assert await reads.get(WORKFLOWS, "a", "other") is None


async def test_an_error_is_for_those_who_asked_then(server: ApiServer, client: ApiClient) -> None:
    await server.put("workflows", "a", "w", spec={"nodes": []})
    reads = LiveReads(client)
    server.faults.append(busy("3600"))
    with pytest.raises(ApiError):
        await reads.get(WORKFLOWS, "a", "w")
    assert await reads.get(WORKFLOWS, "a", "w") is not None
