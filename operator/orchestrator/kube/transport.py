"""Sends one HTTP request to the API server: bounded, prioritised, and repeated if that is safe."""

from __future__ import annotations

import asyncio
import copy
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from itertools import count
from typing import Any

import aiohttp
import orjson
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from orchestrator.kube.credentials import Credentials
from orchestrator.kube.decoding import loads
from orchestrator.kube.errors import NO_ANSWER, ApiError, error_from
from orchestrator.kube.impersonated import Impersonated
from orchestrator.kube.media_types import APPLY_PATCH, FRAMES, JSON, JSON_PATCH
from orchestrator.kube.response_stream import frames, lines
from orchestrator.kube.semaphore import Priority, PrioritySemaphore
from orchestrator.models.applied import encode_applied

Raw = dict[str, Any]

MAX_CONCURRENT_REQUESTS = 64
"""Maximum number of concurrent requests, not counting watches."""
MAX_TRIES = 5
"""Maximum number of tries for a request that is safe to repeat."""
MAX_UNREADY_TRIES = 12
"""The same for a refusal by an API server that may be starting: about half a minute, since on a
busy machine it reads the roles for many seconds."""
MAX_WAIT_SECONDS = 10.0
"""Seconds: a longer Retry-After is returned to the caller instead of being waited for."""
SILENCE_SECONDS = 90.0
"""Seconds without a byte, not even a bookmark, after which a watch is considered dead."""

_USER_AGENT = "itechsmart-workflow"
_READS = ("get", "list")
_METHODS = {
    "get": "GET",
    "list": "GET",
    "create": "POST",
    "patch": "PATCH",
    "apply": "PATCH",
    "delete": "DELETE",
}
_BOUNDED = aiohttp.ClientTimeout(total=60, sock_connect=10)
_NO_ANSWER = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError)


class Transport:
    """Sends requests through one shared session; raises ApiError for what is not 2xx."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        concurrency: int = MAX_CONCURRENT_REQUESTS,
        silence: float = SILENCE_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        impersonate: Impersonated | None = None,
    ) -> None:
        self._credentials = credentials
        self._impersonation = () if impersonate is None else impersonate.headers()
        self._semaphore = PrioritySemaphore(concurrency)
        self._silence = silence
        self._sleep = sleep
        self._session: aiohttp.ClientSession | None = None
        self.guard: Callable[[], None] = lambda: None
        """Called before every write except a Lease's; an exception from it prevents the write."""
        self.requests: Counter[tuple[str, str]] = Counter()
        """Requests sent, by (verb, resource); retries and watches count."""
        self.answers: Counter[tuple[str, str, str]] = Counter()
        """Answers by (verb, resource, code); `none` if there was none."""
        self.on_answer: Callable[[str, float], None] = lambda _verb, _seconds: None
        """Called with the verb and the duration of each request in seconds, answered or not, each
        retry separately; the time in the queue does not count."""

    def with_credentials(
        self, credentials: Credentials, impersonate: Impersonated | None = None
    ) -> Transport:
        """The same connections for requests with the credentials of another user, or in the name
        of a user whom these credentials may impersonate."""
        self._connected()
        other = copy.copy(self)
        other._credentials = credentials
        other._impersonation = () if impersonate is None else impersonate.headers()
        return other

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            for _ in range(3):
                await asyncio.sleep(0)  # TLS connections are aborted in the loop's next turns

    async def request(
        self,
        verb: str,
        plural: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | Sequence[Raw] | None = None,
        accept: str = JSON,
        content_type: str = JSON,
        priority: Priority = Priority.NORMAL,
        patient: bool = True,
    ) -> Raw:
        """The answer's JSON; safe verbs are repeated while the server is busy or unreachable.

        Not `patient`, it takes a missing right for what it is after a few seconds.
        """
        data = None if body is None else _encode(body, content_type)
        repeatable = verb != "create" and content_type != JSON_PATCH
        for attempt in count(1):
            self.requests[verb, plural] += 1
            try:
                async with self._semaphore.acquired(priority):
                    if verb not in _READS and plural != "leases":
                        self.guard()
                    began = time.monotonic()
                    try:
                        raw = await self.exchange(
                            verb, path, query or {}, data, accept, content_type
                        )
                    finally:
                        self.on_answer(verb, time.monotonic() - began)
                self.answers[verb, plural, "2xx"] += 1
                return raw
            except ApiError as error:
                self.answers[verb, plural, str(error.status)] += 1
                wait = _wait(error, repeatable, attempt, patient=patient)
                if wait is None:
                    raise
            except _NO_ANSWER as error:
                self.answers[verb, plural, "none"] += 1
                if not repeatable or attempt >= MAX_TRIES:
                    message = f"no answer to {verb} {path}: {error or type(error).__name__}"
                    raise ApiError(0, NO_ANSWER, message) from error
                wait = _backoff(attempt)
            await self._sleep(wait)
        raise AssertionError("the last try either answers or raises")

    async def stream(
        self, plural: str, path: str, query: Mapping[str, str], accept: str
    ) -> AsyncIterator[bytes]:
        """The lines or frames of a continuing answer, as they arrive.

        It does not count towards `concurrency`.
        """
        self.requests["watch", plural] += 1
        async with self._opened(path, query, accept, self._silence) as response:
            parts = frames if response.content_type == FRAMES else lines
            async for part in parts(response):
                yield part

    async def text(
        self, plural: str, path: str, query: Mapping[str, str], silence: float
    ) -> AsyncGenerator[bytes, None]:
        """The parts of a text as they arrive, until the server has sent nothing for so many
        seconds.

        It does not count towards `concurrency`.
        """
        self.requests["get", plural] += 1
        async with self._opened(path, query, "*/*", silence) as response:
            async for part in response.content.iter_any():
                yield part

    @asynccontextmanager
    async def _opened(
        self, path: str, query: Mapping[str, str], accept: str, silence: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A continuing answer; raises ApiError for one that is not 2xx."""
        headers = await self._headers(accept, "")
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=silence)
        async with self._send("GET", path, query, headers, None, timeout) as response:
            if response.status >= 300:
                raise error_from(response.status, response.headers, await response.read())
            yield response

    async def exchange(
        self,
        verb: str,
        path: str,
        query: Mapping[str, str],
        data: bytes | None,
        accept: str,
        content_type: str,
    ) -> Raw:
        """Send one request, once; tests replace this to answer without a network."""
        headers = await self._headers(accept, "" if data is None else content_type)
        async with self._send(_METHODS[verb], path, query, headers, data, _BOUNDED) as response:
            payload = await response.read()
            if response.status >= 300:
                raise error_from(response.status, response.headers, payload)
            result: Raw = loads(payload)
            return result

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: CIMultiDictProxy[str],
        data: bytes | None,
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.client._RequestContextManager:
        return self._connected().request(
            method,
            _address(self._credentials.server, path, tuple(query.items())),
            headers=headers,
            data=data,
            timeout=timeout,
            proxy=self._credentials.access.proxy,
            server_hostname=self._credentials.access.server_name,
            allow_redirects=False,
        )

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, ssl=self._credentials.tls or True)
            self._session = aiohttp.ClientSession(connector=connector)
        return self._session

    async def _headers(self, accept: str, content_type: str) -> CIMultiDictProxy[str]:
        authorization = await self._credentials.authorization() or ""
        return _made_headers(accept, content_type, authorization, self._impersonation)


@lru_cache(maxsize=64)
def _made_headers(
    accept: str, content_type: str, authorization: str, others: tuple[tuple[str, str], ...]
) -> CIMultiDictProxy[str]:
    # Compression costs both sides more than a cluster's network saves.
    headers = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": _USER_AGENT}
    if content_type:
        headers["Content-Type"] = content_type
    if authorization:
        headers["Authorization"] = authorization
    return CIMultiDictProxy(CIMultiDict([*headers.items(), *others]))


@lru_cache(maxsize=1024)
def _address(server: str, path: str, query: tuple[tuple[str, str], ...]) -> URL:
    """The URL of a request, cached because building one takes as long as sending it."""
    return URL(server + path).with_query(dict(query)) if query else URL(server + path)


def _encode(body: Mapping[str, Any] | Sequence[Raw], content_type: str) -> bytes:
    """The body of a request; for YAML media types, in a form that reads the same as YAML."""
    return encode_applied(body) if content_type == APPLY_PATCH else orjson.dumps(body)


def _wait(error: ApiError, repeatable: bool, attempt: int, *, patient: bool) -> float | None:
    """Seconds to wait before the request is sent again, or None to give up.

    A request answered with 429 or a refusal was not processed: sending it again is safe for every
    verb.
    """
    untaken = error.status == 429 or error.unready
    tries = MAX_UNREADY_TRIES if error.unready and patient else MAX_TRIES
    if attempt >= tries or not (untaken or (repeatable and error.transient)):
        return None
    wait = _backoff(attempt) if error.retry_after is None else error.retry_after
    return wait if wait <= MAX_WAIT_SECONDS else None


def _backoff(attempt: int) -> float:
    return min(0.1 * 2.0**attempt, 5.0) * random.uniform(0.5, 1.0)
