"""Sends requests to the API: repeats what is safe to repeat, and turns refusals into errors."""

from __future__ import annotations

import asyncio
import inspect
import json
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from orchestrator.client.errors import NoAnswerError, ProblemError, problem_of

Token = str | Callable[[], str] | Callable[[], Awaitable[str]]
"""A bearer token, or a function that gives the current one; it is called for each request."""
Query = Mapping[str, "str | int | bool | Sequence[str] | None"]
T = TypeVar("T")
MAX_WAIT_SECONDS = 30.0
"""Maximum wait before a request is repeated; one that should wait longer fails."""
_NOT_CARRIED_OUT = 429
_MAY_BE_REPEATED = (429, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """An object as it is stored."""

    value: T
    etag: str
    """Its version, for `if_match`."""
    created: bool = False
    """Whether this request created it; False if an earlier one with the same key did."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How requests are sent."""

    server: str
    """The API's address, such as https://automation.example.com."""
    token: Token = ""
    ca_file: str | None = None
    """The CA certificates for the server; the system's by default."""
    timeout: float = 60.0
    """Maximum silence of the API, in seconds."""
    connect_timeout: float = 10.0
    retries: int = 4
    """How often a request is repeated that is safe to repeat."""
    backoff: float = 0.25
    """Seconds before the first repetition, if the API names none; then twice as long each time."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request; fields of the query that are None are left out."""

    method: str
    path: str
    query: Query
    headers: Mapping[str, str]
    body: Any = None
    repeat: bool = False
    """Whether it has the same effect once and twice."""
    silent: bool = False
    """Whether its answer may pause for any time."""


def segment(text: str) -> str:
    """A segment of a path."""
    return quote(text, safe=":@")


class Transport:
    """Sends requests with one pool of connections, inside `async with`."""

    def __init__(self, settings: Settings) -> None:
        address = urlsplit(settings.server)
        if address.scheme not in ("http", "https") or not address.netloc:
            raise ValueError(f"server: {settings.server!r} is not a URL like https://HOST")
        self.settings = settings
        self._base = settings.server.rstrip("/")
        host = address.hostname or ""
        self._proxy = None if proxy_bypass(host) else getproxies().get(address.scheme)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        secure = self._base.startswith("https:")
        tls = ssl.create_default_context(cafile=self.settings.ca_file) if secure else True
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls), cookie_jar=aiohttp.DummyCookieJar()
        )
        # aiohttp would repeat a DELETE whose connection is lost: only we know what may be repeated
        self._session._retry_connection = False
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def json(self, request: Request) -> tuple[Any, Mapping[str, str], int]:
        """The answer's value with its headers and status; None for an answer without content."""
        text, headers, status = await self.text(request)
        if not text:
            return None, headers, status
        try:
            return json.loads(text), headers, status
        except ValueError as error:
            raise self._not_the_api() from error

    async def text(self, request: Request) -> tuple[str, Mapping[str, str], int]:
        """The answer's text with its headers and status."""
        failures = 0
        while True:
            try:
                async with self._sent(request) as response:
                    return await response.text(errors="replace"), response.headers, response.status
            except (aiohttp.ClientError, TimeoutError, ProblemError) as error:
                failures += 1
                await self._before_next(request, error, failures)

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer that is read as it arrives; only what fails before it begins is repeated."""
        failures = 0
        while True:
            context = self._sent(request)
            try:
                response = await context.__aenter__()
            except (aiohttp.ClientError, TimeoutError, ProblemError) as error:
                failures += 1
                await self._before_next(request, error, failures)
                continue
            try:
                yield response
            except (aiohttp.ClientError, TimeoutError) as error:
                raise self.lost(error) from error
            finally:
                await context.__aexit__(None, None, None)
            return

    def lost(self, error: BaseException) -> NoAnswerError:
        """The error for a connection that failed."""
        why = str(error) or type(error).__name__
        return NoAnswerError(f"the API at {self._base} does not answer: {why}")

    async def wait(self, failures: int, asked: float | None = None) -> None:
        """Wait before the next attempt, after so many failures."""
        backoff = min(self.settings.backoff * 2 ** (failures - 1), MAX_WAIT_SECONDS)
        await asyncio.sleep(backoff * random.uniform(0.5, 1.0) if asked is None else asked)

    @asynccontextmanager
    async def _sent(self, request: Request) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            raise RuntimeError("use the client inside `async with`")
        headers = {**request.headers, "User-Agent": "itechsmart-workflow-client"}
        if token := await self._token():
            headers["Authorization"] = f"Bearer {token}"
        timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=self.settings.connect_timeout,
            sock_read=None if request.silent else self.settings.timeout,
        )
        async with self._session.request(
            request.method,
            f"{self._base}{request.path}",
            params=_parameters(request.query),
            json=request.body,
            headers=headers,
            timeout=timeout,
            proxy=self._proxy,
            allow_redirects=False,  # a token is for this server alone
        ) as response:
            if response.status >= 300:
                raise await self._refusal(response)
            yield response

    async def _token(self) -> str:
        token = self.settings.token
        if isinstance(token, str):
            return token.strip()
        given = token()
        return (await given if inspect.isawaitable(given) else given).strip()

    async def _refusal(self, response: aiohttp.ClientResponse) -> ProblemError:
        text = await response.text(errors="replace")
        body = None
        if response.content_type in ("application/problem+json", "application/json"):
            try:
                body = json.loads(text)
            except ValueError as error:
                raise self._not_the_api() from error
        try:
            asked = max(0.0, float(response.headers["Retry-After"]))
        except (KeyError, ValueError):
            asked = None
        return problem_of(response.status, body if isinstance(body, dict) else None, text, asked)

    async def _before_next(self, request: Request, error: Exception, failures: int) -> None:
        """Wait, or raise what ends the request."""
        asked = error.retry_after if isinstance(error, ProblemError) else None
        if (
            not _can_repeat(request, error)
            or failures > self.settings.retries
            or (asked or 0) > MAX_WAIT_SECONDS
        ):
            raise error if isinstance(error, ProblemError) else self.lost(error) from error
        await self.wait(failures, asked)

    def _not_the_api(self) -> NoAnswerError:
        return NoAnswerError(f"{self._base} answers, but not as the API does")


def _can_repeat(request: Request, error: Exception) -> bool:
    if isinstance(error, ProblemError):
        if error.status == _NOT_CARRIED_OUT:
            return True
        return request.repeat and error.status in _MAY_BE_REPEATED
    if isinstance(error, aiohttp.ClientSSLError | aiohttp.InvalidURL):
        return False
    return request.repeat or isinstance(error, aiohttp.ClientConnectorError)


def _parameters(query: Query) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in query.items():
        if value is None:
            continue
        if isinstance(value, bool):
            found.append((name, "true" if value else "false"))
        elif isinstance(value, str | int):
            found.append((name, str(value)))
        else:
            found += [(name, each) for each in value]
    return found
