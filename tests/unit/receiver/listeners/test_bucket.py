"""Buckets of storages that answer wrongly, slowly or too much."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from orchestrator.receiver.listeners.errors import LoginError, SourceError
from orchestrator.receiver.listeners.files.bucket import opened
from orchestrator.triggers.s3.listing import MAX_PAGE_BYTES, Page
from orchestrator.triggers.types.file_watch import S3

SECRETS = [b"key", b"secret"]
LISTING = (
    b"<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>in%2Fa</Key><Size>1</Size>"
    b"<LastModified>2026-01-31T12:00:00.000Z</LastModified><ETag>e</ETag></Contents>"
    b"</ListBucketResult>"
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def storage(answer: Handler) -> AsyncIterator[S3]:
    """The settings of a bucket of a storage that answers so."""
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", answer)
    async with TestServer(application) as server:
        endpoint = str(server.make_url("")).rstrip("/")
        settings = {"endpoint": endpoint, "bucket": "orders", "credentials": {"name": "s"}}
        yield S3.model_validate(settings)


async def page_of(settings: S3, secrets: list[bytes] = SECRETS) -> Page:
    async with opened(settings, secrets) as bucket:
        return await bucket.page("", 1.7e9)


async def test_a_bucket_is_listed_with_a_signed_request() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.path == "/orders"
        assert request.query["list-type"] == "2"
        assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=key/")
        return web.Response(body=LISTING)

    async with storage(answer) as settings:
        page = await page_of(settings)
    assert [each.key for each in page.objects] == ["in/a"]


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (404, "<Error><Code>NoSuchBucket</Code></Error>", SourceError, "has no bucket orders"),
        (403, "<Error><Code>AccessDenied</Code></Error>", LoginError, "refuses to list"),
        (403, "", LoginError, "status 403"),
        (400, "<Error><Code>Bad</Code></Error>", SourceError, "is us-east-1 the bucket's region"),
        (301, "", SourceError, "status 301"),
        (500, "<html>", SourceError, "does not list bucket orders: status 500"),
        (200, "secret text of a web page", SourceError, "is it the API of S3"),
    ],
)
async def test_a_refusal_says_what_is_wrong(
    status: int, body: str, kind: type[SourceError], message: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers={"Location": "http://169.254.1.1"})

    async with storage(answer) as settings:
        with pytest.raises(kind, match=message) as raised:
            await page_of(settings)
    assert "secret text" not in raised.value.message


async def test_an_answer_without_end_is_cut() -> None:
    sent = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"<a>" * 100_000)
            sent += 300_000

    async with storage(answer) as settings:
        with pytest.raises(SourceError, match="has more than"):
            await page_of(settings)
    assert sent < 3 * MAX_PAGE_BYTES


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        ([b"\xff", b"secret"], "is no text"),
        ([b"key", b"secret", b"no certificate"], "no PEM certificate"),
    ],
)
async def test_secrets_that_are_none_are_reported(secrets: list[bytes], message: str) -> None:
    settings = S3.model_validate({"bucket": "orders", "credentials": {"name": "s"}})
    with pytest.raises(SourceError, match=message):
        await page_of(settings, secrets)


async def test_a_server_that_is_down_is_reported() -> None:
    settings = S3.model_validate(
        {"endpoint": "http://127.0.0.1:1", "bucket": "orders", "credentials": {"name": "s"}}
    )
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:1: Connection refused"):
        await page_of(settings)
