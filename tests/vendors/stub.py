"""A strict stub of a vendor's HTTP API: a real server on localhost that rejects what the vendor
rejects.

A vendor is a subclass in a file of its own, with `routes`, and `error` for the form of its errors:

    class Vendor(Stub):
        def __init__(self) -> None:
            super().__init__()
            self.route("POST", "/v1/things/{name}", self.create)

        def create(self, request: Request, name: str) -> Answer:
            request.demand_basic("user", "token")
            thing = request.json(SCHEMA)
            return json_response(201, {"id": name})

    with Vendor() as vendor:
        vendor.fail(Fault(429, {"Retry-After": "3"}), Fault(503), Fault(delay=2), LOST)
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from jsonschema import Draft202012Validator


@dataclass(frozen=True)
class Response:
    """A response."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class RefusedError(Exception):
    """The request is one that the vendor refuses; `Stub.error` gives it the vendor's form."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def json_response(status: int, content: Any, **headers: str) -> Response:
    """A response of JSON; underscores in the names of headers become hyphens."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    body = json.dumps(content).encode()
    return Response(status, body, {"Content-Type": "application/json", **named})


@dataclass(frozen=True)
class Request:
    """A request as the server received it."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def demand_header(self, name: str, value: str, status: int = 401) -> None:
        """Refuse the request unless it has the header with exactly this value."""
        sent = self.headers.get(name.lower(), "")
        if not hmac.compare_digest(sent.encode(), value.encode()):
            raise RefusedError(status, f"{name} is {'wrong' if sent else 'missing'}")

    def demand_bearer(self, token: str) -> None:
        """Refuse the request without this bearer token."""
        self.demand_header("Authorization", f"Bearer {token}")

    def demand_basic(self, user: str, password: str) -> None:
        """Refuse the request without this user and password."""
        encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.demand_header("Authorization", f"Basic {encoded}")

    def demand_content_type(self, media_type: str) -> None:
        """Refuse a body of another media type."""
        sent = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if sent != media_type:
            raise RefusedError(415, f"Content-Type must be {media_type}, not {sent or 'absent'}")

    def json(self, schema: Mapping[str, Any], status: int = 400) -> Any:
        """The JSON body, which must conform to the schema (draft 2020-12)."""
        self.demand_content_type("application/json")
        try:
            value = json.loads(self.body)
        except ValueError:
            raise RefusedError(status, "the body is not JSON") from None
        return conform(value, schema, status)

    def form(self, schema: Mapping[str, Any], status: int = 400) -> dict[str, Any]:
        """The fields of a form, which must conform to the schema; a repeated field is a list."""
        self.demand_content_type("application/x-www-form-urlencoded")
        fields = parse_qs(self.body.decode(), keep_blank_values=True, strict_parsing=True)
        value = {name: texts[0] if len(texts) == 1 else texts for name, texts in fields.items()}
        conform(value, schema, status)
        return value


def conform(value: Any, schema: Mapping[str, Any], status: int = 400) -> Any:
    """The value, which must conform to the schema; the refusal names the field."""
    for error in Draft202012Validator(schema).iter_errors(value):
        path = ".".join(str(part) for part in error.absolute_path)
        raise RefusedError(status, f"{path or 'body'}: {error.message[:200]}")
    return value


@dataclass(frozen=True)
class Fault:
    """A failure of the next request; without a status the request is handled."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0
    """Seconds before the answer, or until the stub stops."""
    lost: bool = False
    """The request is handled, and the connection closed before the answer."""
    cut: bool = False
    """The request is handled, and the connection closed in the middle of the answer."""
    drip: bool = False
    """The connection sends a byte of the body now and then, without an end."""
    endless: bool = False
    """The connection sends a body without an end."""


LOST = Fault(lost=True)
CUT = Fault(cut=True)
Handler = Callable[..., Response]


class Stub:
    """A server that remembers its requests and answers those of its routes."""

    host = "127.0.0.1"
    """The address to listen at; another one for clients in pods."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self.stopped = threading.Event()

    def route(self, method: str, path: str, handler: Handler) -> None:
        """Handle requests of this path, in which `{name}` is one segment and an argument."""
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))
        self._routes.append((method, re.compile(pattern), handler))

    def error(self, refusal: RefusedError) -> Response:
        """The vendor's form of an error."""
        return json_response(refusal.status, {"error": refusal.message})

    def fail(self, *faults: Fault) -> None:
        """Let the next requests fail, one after the other."""
        self._faults.extend(faults)

    def __enter__(self) -> Self:
        self._server = _Server((self.host, 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://{self.host}:{self._server.server_port}"
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _at: TracebackType | None
    ) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, request: Request) -> tuple[Response, Fault]:
        """The answer to a request, and the fault to show; requests are handled one at a time."""
        with self._lock:
            self.requests.append(request)
            fault = self._faults.pop(0) if self._faults else Fault()
            answer = Response(fault.status, b"", fault.headers) if fault.status else None
            answer = answer or self._handled(request)
        if fault.delay:
            self.stopped.wait(fault.delay)
        return answer, fault

    def _handled(self, request: Request) -> Response:
        try:
            return self._routed(request)
        except RefusedError as refusal:
            return self.error(refusal)

    def _routed(self, request: Request) -> Response:
        methods = []
        for method, pattern, handler in self._routes:
            if found := pattern.fullmatch(request.path):
                if method == request.method:
                    segments = {name: unquote(text) for name, text in found.groupdict().items()}
                    return handler(request, **segments)
                methods.append(method)
        if methods:
            raise RefusedError(405, f"{request.path} allows {', '.join(methods)}")
        raise RefusedError(404, f"there is no {request.path}")


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients may close connections; the tests' own output is enough."""


def _handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length", 0))
            request = Request(
                self.command,
                parts.path,
                parse_qs(parts.query, keep_blank_values=True),
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(length),
            )
            answer, fault = stub.answer(request)
            if fault.drip or fault.endless:
                self.send_on(b"x" if fault.drip else b"x" * 65536, 0.05 if fault.drip else 0)
            elif not fault.lost:
                self.send(answer, cut=fault.cut)

        def send(self, answer: Response, *, cut: bool) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) + cut))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)

        def send_on(self, part: bytes, pause: float) -> None:
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            with suppress(OSError):  # until the client closes the connection, or the stub stops
                while not stub.stopped.wait(pause):
                    self.wfile.write(part)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """The tests' own output is enough."""

    return Handler
