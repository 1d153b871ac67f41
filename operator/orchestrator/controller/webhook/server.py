"""Serves reviews over HTTPS within time and size limits: the API server does not wait for late
answers.

Nothing depends on it (failurePolicy Ignore), so failures here are logged, and the rest of the
operator continues.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass

from aiohttp import web

from orchestrator.controller.webhook.review import (
    BadReviewError,
    Request,
    ReviewResponse,
    read_review,
    write_review,
)
from orchestrator.process.certificate import Certificate, CertificateFiles

logger = logging.getLogger(__name__)

PATH = "/review"
MAX_BODY = 7 * 1024 * 1024
"""Maximum bytes of a request: an object and the one that it replaces, at most 3 MiB each, and the
envelope."""
LARGE_BODY = 256 * 1024
"""Bytes from which requests are parsed one at a time: parsed values take many times more memory."""
MAX_REVIEWS = 8
"""Maximum number of concurrent reviews; more are refused."""
MAX_CONNECTIONS = 64
"""Maximum number of concurrent connections: an API server needs a few."""
READ_SECONDS = 2.0
"""Seconds within which a request must have arrived."""
REVIEW_SECONDS = 4.0
"""Seconds after which an object is allowed with a warning; the API server waits for five."""
HANDSHAKE_SECONDS = 5.0
IDLE_SECONDS = 120.0
"""Seconds until an idle connection is closed: longer than the API server's 90 seconds, or a review
could be sent into a connection that is being closed."""
CHECK_SECONDS = 5.0
"""Seconds between two checks of the certificate's files."""
RETRY_SECONDS = 10.0

Review = Callable[[Request], Awaitable[ReviewResponse]]


@dataclass(frozen=True, slots=True)
class Address:
    """The webhook's address and certificate."""

    host: str
    port: int
    files: CertificateFiles


async def serve(
    address: Address,
    review: Review,
    on_certificate: Callable[[Certificate], None] = lambda _: None,
) -> None:
    """Serve until cancelled; failures are logged and retried.

    `on_certificate` is called with the certificate in use, once it serves.
    """
    said = ""
    while True:
        try:
            async with serving(address, review) as certificate:
                said = ""
                logger.info("the admission webhook is served at %s:%d", address.host, address.port)
                on_certificate(certificate)
                await _follow(certificate)
        except OSError as error:
            if str(error) != said:
                said = str(error)
                logger.error("the admission webhook is not served: %s", said)
        await asyncio.sleep(RETRY_SECONDS)


async def _follow(certificate: Certificate) -> None:
    """Use each new certificate."""
    said = ""
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        try:
            if certificate.refresh():
                said = ""
                logger.info("the admission webhook has a new certificate")
        except OSError as error:
            if str(error) != said:
                said = str(error)
                logger.warning("the webhook's certificate is kept, the new one is not: %s", said)


@asynccontextmanager
async def serving(address: Address, review: Review) -> AsyncIterator[Certificate]:
    """Serve for the duration of the context. Raises OSError for an unusable certificate or
    address."""
    certificate = Certificate(address.files)
    application = web.Application(client_max_size=MAX_BODY)
    application.router.add_post(PATH, _Handler(review).answer)
    runner = web.AppRunner(
        application,
        access_log=None,
        handle_signals=False,
        handler_cancellation=True,
        keepalive_timeout=IDLE_SECONDS,
        shutdown_timeout=1.0,
    )
    await runner.setup()
    try:
        server = runner.server
        assert server is not None

        def protocol() -> asyncio.BaseProtocol:
            return server() if len(server.connections) < MAX_CONNECTIONS else _Refused()

        listening = await asyncio.get_running_loop().create_server(
            protocol,
            address.host or "0.0.0.0",  # noqa: S104
            address.port,
            ssl=certificate.context,
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
        )
        try:
            yield certificate
        finally:
            listening.close()
    finally:
        await runner.cleanup()


class _Refused(asyncio.Protocol):
    """A connection beyond the limit."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class _Handler:
    def __init__(self, review: Review) -> None:
        self._review = review
        self._active = 0
        self._large = asyncio.Lock()

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one AdmissionReview with another."""
        if request.content_type != "application/json":
            text = f"the content type is {request.content_type}; send application/json\n"
            return web.Response(status=415, text=text)
        if self._active >= MAX_REVIEWS:
            text = f"{MAX_REVIEWS} reviews are under way; try again later\n"
            return web.Response(status=503, text=text, headers={"Retry-After": "1"})
        self._active += 1
        try:
            async with asyncio.timeout(READ_SECONDS):
                body = await request.read()
        except TimeoutError:
            text = f"the request did not arrive within {READ_SECONDS:g} seconds\n"
            return web.Response(status=408, text=text)
        else:
            async with self._large if len(body) > LARGE_BODY else nullcontext():
                return await self._reviewed(body)
        finally:
            self._active -= 1

    async def _reviewed(self, body: bytes) -> web.Response:
        try:
            review = read_review(body)
        except BadReviewError as error:
            return web.Response(status=400, text=f"{error}\n")
        answer = write_review(review.uid, await self._verdict(review))
        return web.Response(body=answer, content_type="application/json")

    async def _verdict(self, review: Request) -> ReviewResponse:
        began = time.monotonic()
        try:
            async with asyncio.timeout(REVIEW_SECONDS):
                verdict = await self._review(review)
        except TimeoutError:
            return _unchecked(f"it took more than {REVIEW_SECONDS:g} seconds")
        except Exception:
            logger.exception(
                "%s %s/%s was not reviewed", review.kind, review.namespace, review.name
            )
            return _unchecked("the operator's log says why")
        logger.debug(
            "%s of %s %s/%s: %s after %.1f ms",
            review.operation,
            review.kind,
            review.namespace,
            review.name,
            "refused" if verdict.refusal else f"allowed, {len(verdict.warnings)} warnings",
            1000 * (time.monotonic() - began),
        )
        return verdict


def _unchecked(why: str) -> ReviewResponse:
    """Allowed: the operator validates it again once it is stored."""
    return ReviewResponse(
        warnings=(f"this was not checked when it was applied: {why}; see its status",)
    )
