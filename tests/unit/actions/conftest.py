"""Fixtures of the actions' tests: a virtual clock and a real HTTP server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from orchestrator.actions.action import Context, Identity
from orchestrator.kube.blocking import BlockingClient
from tests import leaks


class VirtualClock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def no_cluster() -> BlockingClient:
    raise AssertionError("this action needs no cluster")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def log() -> Iterator[list[str]]:
    """The lines of progress an action wrote, none with a planted secret."""
    lines: list[str] = []
    yield lines
    leaks.refuse("the log", "\n".join(lines))


@pytest.fixture
def context(clock: VirtualClock, log: list[str]) -> Context:
    """An attempt of the node `probe` in an execution of the workflow `check`."""
    identity = Identity(
        namespace="shop",
        workflow="check",
        execution="run",
        uid="u1",
        node="probe",
        key="u1/probe/0",
    )
    return Context(identity=identity, clock=clock, cluster=no_cluster, log=log.append)


@dataclass
class Request:
    """A request as a server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Response:
    """What a server answers."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """A real HTTP server on loopback: `answer` decides, `requests` remembers."""

    url: str
    requests: list[Request]
    answer: Callable[[Request], Response]


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as started:
        yield started


@pytest.fixture
def other_server() -> Iterator[Server]:
    with running_server() as started:
        yield started


class running_server:  # noqa: N801 - used as a context manager
    """Serve on a free port until left."""

    def __enter__(self) -> Server:
        server = Server("", [], lambda _request: Response())

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, self.path, headers, self.rfile.read(length))
                server.requests.append(request)
                answer = server.answer(request)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """The tests' own output is enough."""

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """Clients may hang up."""

        self._http = Quiet(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        server.url = f"http://127.0.0.1:{self._http.server_port}"
        return server

    def __exit__(self, *_error: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
