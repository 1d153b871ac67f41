"""What every request passes: limits, the form of its body, and the headers of its answer."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import orjson
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.api.limits import Accepted, Limits, Rates, Slots, TooManyError, is_deeper
from orchestrator.api.metrics import ApiMetrics
from orchestrator.api.problems import ProblemError
from orchestrator.api.senders import CALLER, CREDENTIALS, Sender
from orchestrator.formats.yaml_json import NotReadableError, read_yaml

JSON_TYPES = ("application/json", "application/merge-patch+json")
YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")
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
Authenticate = Callable[[Scope], Awaitable[None]]
"""Asks the API server whether it accepts the credentials of a request. Raises ProblemError."""


class Guard:
    """Refuses what exceeds the limits, and gives routes bodies that are JSON."""

    def __init__(
        self,
        app: ASGIApp,
        limits: Limits,
        metrics: ApiMetrics,
        authenticate: Authenticate,
        session_cookie: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`session_cookie` is the name of the cookie of sessions; empty if there are none."""
        self._app = app
        self._session_cookie = session_cookie
        self._limits = limits
        self._metrics = metrics
        self._authenticate = authenticate
        self._rates = Rates(limits.rate, limits.burst, monotonic)
        self._accepted = Accepted()
        self._bodies = Slots(limits.bodies, "bodies", limits.bodies_of_address)
        self._requests = Slots(limits.requests, "requests", limits.requests_of_caller)
        self._yaml: CapacityLimiter | None = None
        self._json: CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; its answer has the security headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        sender = Sender.of(scope, self._session_cookie)
        scope[CALLER] = sender.caller

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                if CREDENTIALS in scope and (message["status"] < 400 or message["status"] == 403):
                    self._accepted.add(sender.caller)
                headers = MutableHeaders(scope=message)
                for name, text in SECURITY_HEADERS.items():
                    headers.setdefault(name, text)
            await send(message)

        try:
            if scope["path"] in OPEN:
                await self._app(scope, receive, sending)
                return
            self._take_rate(sender)
            # Who sends slowly holds no slot of requests.
            body = await self._read(scope, receive, sender)
            # The request itself is counted; no body takes more than all others of a burst.
            if more := min(len(body) // self._limits.counted, self._limits.burst - 1):
                self._rates.take(sender.caller, more)
            with ExitStack() as slot:
                slot.enter_context(self._requests.one(sender.caller))
                scope[RELEASE] = slot.close
                body = await self._checked(scope, body, sender)
                await self._app(scope, _once(body, receive), sending)
        except TooManyError as error:
            self._metrics.refused(error.limit)
            headers = {"Retry-After": str(math.ceil(error.wait))}
            answer = ProblemError(429, f"{error}; try again later", headers=headers).answer()
            await answer(scope, receive, sending)
        except ProblemError as problem:
            await problem.answer()(scope, receive, sending)

    def _take_rate(self, sender: Sender) -> None:
        """Count a request. Those with tokens that the API server has not accepted count together,
        or who invents tokens would have no limit. Raises TooManyError."""
        if not sender.is_anonymous and sender.caller not in self._accepted:
            self._rates.take(sender.address)
        self._rates.take(sender.caller)

    async def _checked(self, scope: Scope, body: bytes, sender: Sender) -> bytes:
        """The body as JSON that is not nested too deep. Raises ProblemError."""
        if not body or scope["path"].startswith(PASSED_ON):
            return body
        kind = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
        if kind not in (*YAML_TYPES, *JSON_TYPES):
            wanted = "application/json or application/yaml"
            raise ProblemError(415, f"Content-Type: {kind or 'none'} is not read; send {wanted}")
        is_yaml = kind in YAML_TYPES
        if is_yaml and len(body) > self._limits.yaml:
            size = f"{self._limits.yaml:,} bytes"
            raise self._too_large(f"a body in YAML has at most {size}; send it as JSON")
        if sender.caller not in self._accepted and (is_yaml or len(body) > self._limits.unknown):
            await self._authenticate(scope)
            self._accepted.add(sender.caller)
        if is_yaml:
            # Reading it takes seconds of CPU: in a thread, which the others overtake, and in one.
            if self._yaml is None:
                self._yaml = CapacityLimiter(1)
            body = await run_sync(_from_yaml, body, limiter=self._yaml)
            kept = [pair for pair in scope["headers"] if pair[0] != b"content-type"]
            scope["headers"] = [*kept, (b"content-type", b"application/json")]
        if len(body) < self._limits.large:
            self._check(body)
            return body
        if self._json is None:
            self._json = CapacityLimiter(1)
        await run_sync(self._check, body, limiter=self._json)
        return body

    async def _read(self, scope: Scope, receive: Receive, sender: Sender) -> bytes:
        limit, headers = self._limits.body, Headers(scope=scope)
        declared = headers.get("content-length", "0")
        if declared == "0" and "transfer-encoding" not in headers:
            return b""
        if declared.isdecimal() and int(declared) > limit:
            raise self._too_large()
        body = bytearray()
        try:
            with self._bodies.one(sender.address):
                async with asyncio.timeout(self._limits.body_seconds):
                    while True:
                        message = await receive()
                        if message["type"] != "http.request":
                            break
                        body += message.get("body", b"")
                        if len(body) > limit:
                            raise self._too_large()
                        if not message.get("more_body"):
                            break
        except TimeoutError as error:
            raise ProblemError(408, "the body did not arrive in time") from error
        return bytes(body)

    def _too_large(self, why: str = "") -> ProblemError:
        self._metrics.refused("body")
        return ProblemError(413, why or f"the body is larger than {self._limits.body:,} bytes")

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
