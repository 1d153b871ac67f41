"""Watches in protobuf, by a server whose bytes arrive as they will.

That a real API server's events read the same as in JSON is in tests/cluster/test_protobuf_watch.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from orchestrator.kube.access import Access
from orchestrator.kube.client import ApiClient, ApiError, Raw
from orchestrator.kube.credentials import Credentials
from orchestrator.kube.resources import JOBS


def field(number: int, value: bytes | str | int) -> bytes:
    """A field as protobuf writes it (https://protobuf.dev/programming-guides/encoding/)."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    """A number in groups of seven bits, the least significant first."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def frame(kind: str, message: bytes, magic: bytes = b"k8s\x00") -> bytes:
    """A watch event with its length before it."""
    envelope = magic + field(1, field(2, "Job")) + field(2, message)
    event = field(1, kind) + field(2, field(1, envelope))
    return len(event).to_bytes(4) + event


def job(name: str, version: int, padding: int = 0) -> bytes:
    """A Job; `padding` bytes of a field that is not read come with it."""
    metadata = field(1, name) + field(3, "a") + field(6, str(version)) + field(17, b"x" * padding)
    condition = field(1, "Complete") + field(2, "True") + field(4, field(1, 1_700_000_000))
    status = field(1, condition) + field(4, 0) + field(7, "") + field(10, "") + field(9, 0)
    return field(1, metadata) + field(2, field(2, 3)) + field(3, status)


@asynccontextmanager
async def serving(data: bytes, size: int) -> AsyncIterator[ApiClient]:
    """A client of a server that answers every watch with these bytes, `size` at a time."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert "application/vnd.kubernetes.protobuf" in request.headers["Accept"]
        response = web.StreamResponse()
        response.content_type = "application/vnd.kubernetes.protobuf"
        await response.prepare(request)
        for begin in range(0, len(data), size):
            await response.write(data[begin : begin + size])
            await asyncio.sleep(0)
        return response

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with ApiClient(Credentials(Access(site.name))) as client:
            yield client
    finally:
        await runner.cleanup()


async def _observed(data: bytes, size: int) -> list[Raw]:
    async with serving(data, size) as client:
        return [event async for event in client.watch(JOBS, resource_version="1", in_part=True)]


@pytest.mark.parametrize("size", [1, 3, 700, 1_000_000])
async def test_frames_are_put_together_however_they_arrive(size: int) -> None:
    events = await _observed(
        frame("ADDED", job("x", 5, padding=900)) + frame("DELETED", job("y", 6)), size
    )
    assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [
        ("ADDED", "x"),
        ("DELETED", "y"),
    ]


async def test_a_job_reads_as_its_json() -> None:
    (event,) = await _observed(frame("MODIFIED", job("x", 5, padding=10)), 100)
    assert event == {
        "type": "MODIFIED",
        "object": {
            "metadata": {"name": "x", "namespace": "a", "resourceVersion": "5"},
            "spec": {"completions": 3},
            "status": {
                "conditions": [
                    {
                        "type": "Complete",
                        "status": "True",
                        "lastTransitionTime": "2023-11-14T22:13:20Z",
                    }
                ],
                "ready": 0,
                "failedIndexes": "",
            },
        },
    }


async def test_what_is_no_text_is_replaced_as_in_json() -> None:
    (event,) = await _observed(frame("ADDED", field(1, field(1, b"x\xff") + field(6, "5"))), 100)
    assert event["object"]["metadata"]["name"] == "x\ufffd"


async def test_a_condition_that_says_nothing_is_there_as_in_json() -> None:
    silent = field(3, field(1, field(1, "") + field(2, "")))
    (event,) = await _observed(frame("ADDED", field(1, field(6, "5")) + silent), 100)
    assert event["object"]["status"]["conditions"] == [{"type": "", "status": ""}]


async def test_an_error_is_raised_as_one() -> None:
    expired = field(3, "too old resource version: 1 (7)") + field(4, "Expired") + field(6, 410)
    with pytest.raises(ApiError) as caught:
        await _observed(frame("ERROR", expired), 100)
    assert (caught.value.status, caught.value.reason) == (410, "Expired")
    assert caught.value.message == "too old resource version: 1 (7)"


@pytest.mark.parametrize(
    "data",
    [
        frame("ADDED", job("x", 5), magic=b"none"),
        frame("ADDED", b"\xff" * 9),
        frame("ADDED", field(2, field(2, 3))),
        frame("ADDED", field(1, field(6, "5") + field(8, field(1, 1 << 62)))),
        b"\0\0\0\x03abc",
    ],
    ids=["no Kubernetes object", "no Job", "no version", "no time", "no event"],
)
async def test_what_cannot_be_read_says_so(data: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        await _observed(data, 100)
    assert caught.value.reason == "Unreadable"
    assert "an event of jobs cannot be read" in caught.value.message
