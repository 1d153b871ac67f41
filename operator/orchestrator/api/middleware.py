"""What every request passes: limits, the form of its body, and the headers of its answer."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import ExitStack

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.api.limits import Limits, Rates, Slots, TooManyError, is_deeper
from orchestrator.api.problems import ProblemError
from orchestrator.formats.yaml_json import NotReadableError, read_yaml

JSON_TYPES = ("application/json", "application/merge-patch+json")
YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")
LOGIN_PATHS = ("/automation/login", "/automation/callback", "/automation/logout")
"""Paths for browsers that have no session, or leave it."""
PASSED_ON = "/automation/kubernetes/"
"""Below it, bodies are the API server's to read."""
OPEN = ("/automation/health", "/automation/readiness")
"""Paths of probes, which no limit may fail."""
RELEASE = "orchestrator.release"
"""The key of the request's scope under which a stream gives back its slot among the requests."""
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html."""


class Guard:
    """Refuses what exceeds the limits, and gives routes bodies that are JSON."""

    def __init__(
        self,
        app: ASGIApp,
        limits: Limits,
        session_cookie: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`session_cookie` is the name of the cookie of sessions; empty if there are none."""
        self._app = app
        self._session_cookie = session_cookie
        self._limits = limits
        self._rates = Rates(limits.rate, limits.burst, monotonic)
        self._requests = Slots(limits.requests, "requests")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; its answer has the security headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, text in SECURITY_HEADERS.items():
                    headers.setdefault(name, text)
            await send(message)

        try:
            if scope["path"] in OPEN:
                await self._app(scope, receive, sending)
                return
            self._rates.take(_caller_of(scope, self._session_cookie))
            with ExitStack() as slot:
                slot.enter_context(self._requests.one())
                scope[RELEASE] = slot.close
                await self._app(scope, await self._with_body(scope, receive), sending)
        except TooManyError as error:
            headers = {"Retry-After": str(math.ceil(error.wait))}
            answer = ProblemError(429, f"{error}; try again later", headers=headers).answer()
            await answer(scope, receive, sending)
        except ProblemError as problem:
            await problem.answer()(scope, receive, sending)

    async def _with_body(self, scope: Scope, receive: Receive) -> Receive:
        """The request with a body of JSON. Raises ProblemError."""
        headers = Headers(scope=scope)
        body = await self._read(headers, receive)
        if body and not scope["path"].startswith(PASSED_ON):
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind in YAML_TYPES:
                body = _from_yaml(body)
                kept = [pair for pair in scope["headers"] if pair[0] not in (b"content-type",)]
                scope["headers"] = [*kept, (b"content-type", b"application/json")]
            elif kind not in JSON_TYPES:
                wanted = "application/json or application/yaml"
                raise ProblemError(
                    415, f"Content-Type: {kind or 'none'} is not read; send {wanted}"
                )
            self._check(body)
        return _once(body, receive)

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        limit = self._limits.body
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > limit:
            raise ProblemError(413, f"the body is larger than {limit:,} bytes")
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        break
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise ProblemError(413, f"the body is larger than {limit:,} bytes")
                    if not message.get("more_body"):
                        break
        except TimeoutError as error:
            raise ProblemError(408, "the body did not arrive in time") from error
        return bytes(body)

    def _check(self, body: bytes) -> None:
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ProblemError(400, f"the body is not JSON: {error}") from error
        if is_deeper(value, self._limits.depth):
            raise ProblemError(400, f"the body is nested deeper than {self._limits.depth} levels")


def _from_yaml(body: bytes) -> bytes:
    """The document as JSON; several documents are a list."""
    try:
        documents = [one for one in read_yaml(body.decode()) if one is not None]
        return orjson.dumps(documents[0] if len(documents) == 1 else documents)
    except UnicodeDecodeError as error:
        raise ProblemError(400, f"the body is not text: {error.reason}") from error
    except (NotReadableError, TypeError, ValueError) as error:
        raise ProblemError(400, f"the body cannot be read: {error}") from error


def _once(body: bytes, receive: Receive) -> Receive:
    """The body in one message, then what follows, such as the end of the connection."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving() -> Message:
        return messages.pop() if messages else await receive()

    return receiving


def _caller_of(scope: Scope, session_cookie: str) -> str:
    """Whose requests are counted together: those of a token, of a session, or of an address."""
    headers = Headers(scope=scope)
    client = scope.get("client") or ("", 0)
    address = f"address {client[0]}"
    if scope["path"] in LOGIN_PATHS:
        return address
    if token := headers.get("authorization", ""):
        return token
    session = cookie_parser(headers.get("cookie", "")).get(session_cookie, "")
    return f"session {session}" if session else address
