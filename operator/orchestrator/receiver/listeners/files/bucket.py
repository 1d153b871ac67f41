"""Lists the objects of a bucket, page by page."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from orchestrator.receiver.listeners.errors import LoginError, SourceError
from orchestrator.triggers.s3.listing import (
    MAX_ERROR_BYTES,
    MAX_PAGE_BYTES,
    ListingError,
    Page,
    error_of,
    query_of,
    read_page,
)
from orchestrator.triggers.s3.signing import AccessKey, signed_get
from orchestrator.triggers.types.file_watch import S3

CONNECT_SECONDS = 10.0
REQUEST_SECONDS = 60.0
"""Seconds for one page."""
_REFUSED = {
    "AccessDenied", "AllAccessDisabled", "AuthorizationHeaderMalformed", "ExpiredToken",
    "InvalidAccessKeyId", "InvalidSecurity", "InvalidToken", "SignatureDoesNotMatch",
}  # fmt: skip
"""Codes of answers to credentials that are wrong, or have too few rights."""


class Bucket:
    """A bucket, with the credentials to list it."""

    def __init__(self, settings: S3, session: aiohttp.ClientSession, key: AccessKey) -> None:
        self._settings = settings
        self._session = session
        self._key = key
        default = f"https://s3.{settings.region}.amazonaws.com"
        self._endpoint = (settings.endpoint or default).rstrip("/")
        self.host = urlsplit(self._endpoint).netloc
        """Host and port, as in the URL."""

    async def page(self, token: str, now: float) -> Page:
        """A page; `token` is that of the page before, empty for the first. Raises SourceError."""
        target, headers = signed_get(
            self._key,
            host=self.host,
            path=f"/{self._settings.bucket}",
            query=query_of(self._settings.prefix, token),
            region=self._settings.region,
            now=now,
        )
        url = URL(self._endpoint + target, encoded=True)
        with_host = {**headers, "accept-encoding": "identity"}
        try:
            async with self._session.get(url, headers=with_host, allow_redirects=False) as answer:
                body = await _read(answer)
                if answer.status != 200:
                    error = await asyncio.to_thread(error_of, body[:MAX_ERROR_BYTES])
                    raise self._refusal(answer.status, *error)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise SourceError(self._words(error)) from error
        try:
            return await asyncio.to_thread(read_page, body)
        except ListingError as error:
            raise SourceError(f"{self.host}: {error}; is it the API of S3?") from error

    def _refusal(self, status: int, code: str, message: str) -> SourceError:
        bucket = self._settings.bucket
        if code == "NoSuchBucket":
            return SourceError(f"{self.host} has no bucket {bucket}")
        what = ": ".join(part for part in (code, message) if part) or f"status {status}"
        if code in _REFUSED or status in (401, 403):
            return LoginError(f"{self.host} refuses to list bucket {bucket}: {what}")
        if status in (301, 307, 400):
            what += f"; is {self._settings.region} the bucket's region?"
        return SourceError(f"{self.host} does not list bucket {bucket}: {what}")

    def _words(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"{self.host} does not answer"
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return f"the certificate of {self.host}: {error.certificate_error}"
        if isinstance(error, aiohttp.ClientConnectorError):
            cause = error.os_error
            known = isinstance(cause, socket.gaierror) or not cause.errno
            return f"{self.host}: {cause.strerror if known else os.strerror(cause.errno or 0)}"
        return f"{self.host}: {str(error) or type(error).__name__}"


@asynccontextmanager
async def opened(settings: S3, secrets: Sequence[bytes]) -> AsyncIterator[Bucket]:
    """A bucket, with the values of the trigger's Secrets. Raises SourceError."""
    key, secret, *ca = secrets
    try:
        access = AccessKey(key.decode("ascii"), secret.decode())
        context = ssl.create_default_context()
        if ca:
            context.load_verify_locations(cadata=ca[0].decode("ascii"))
    except UnicodeDecodeError as error:
        raise SourceError("the access key or the authority in the Secret is no text") from error
    except (ssl.SSLError, ValueError) as error:
        raise SourceError(f"the authority in `ca` is no PEM certificate: {error}") from error
    timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=1),
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=True,  # HTTPS_PROXY
    ) as session:
        yield Bucket(settings, session, access)


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """The body. Raises ValueError if it is larger than any page."""
    parts, size = [], 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > MAX_PAGE_BYTES:
            raise ValueError(f"the answer has more than {MAX_PAGE_BYTES:,} bytes")
        parts.append(part)
    return b"".join(parts)
