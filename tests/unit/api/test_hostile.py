"""Requests that are meant to keep the API from serving others, or to make it serve them wrongly."""

from __future__ import annotations

import asyncio
import base64
import json
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import yaml

from orchestrator.api import main
from orchestrator.api.application import create_application
from orchestrator.session.idempotency import REQUEST, RequestKey
from tests.api_process import ApiUser, running_api
from tests.commandline import kubeconfig_of
from tests.kube import eventually
from tests.unit.cli.conftest import CliEnvironment

OURS = "/apis/automation.itechsmart.dev/v1alpha1"
ACCEPTED = ("Bearer ana", "Bearer bob")


class Cluster:
    """An API server that accepts two tokens, and answers as a test says."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.lists: dict[str, bytes] = {}
        """Answers by path."""
        self.more = threading.Event()
        """Set once the rest of a list may be sent."""
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                owner.asked.append(self.path)
                path = self.path.partition("?")[0]
                if path == "/readyz":
                    owner.more.wait(60)
                    self.say(200, b"ok")
                elif self.headers.get("Authorization") not in ACCEPTED:
                    self.say(401, b'{"message": "Unauthorized", "code": 401}')
                elif path.endswith("/selfsubjectreviews"):
                    self.say(201, b'{"status": {"userInfo": {"username": "ana"}}}')
                elif path.endswith("/pods"):
                    self.send_response(200)
                    self.send_header("Content-Length", "18")
                    self.end_headers()
                    self.wfile.write(b'{"items": ')
                    self.wfile.flush()
                    owner.more.wait(60)
                    self.wfile.write(b"[12345]}")
                else:
                    self.say(200, owner.lists.get(path, b'{"items": [], "metadata": {}}'))

            def say(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving."""
        self.more.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def served() -> Iterator[Cluster]:
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(served: Cluster) -> Cluster:
    served.asked.clear()
    served.more.clear()
    return served


@pytest.fixture(scope="module")
def anyone(served: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiUser]:
    """An API that serves four requests at a time."""
    with started(served, tmp_path_factory.mktemp("api"), "--max-requests=4") as anyone:
        yield anyone


@contextmanager
def started(cluster: Cluster, folder: Path, *options: str) -> Iterator[ApiUser]:
    kubeconfig = kubeconfig_of(cluster.url, folder / "kubeconfig")
    with running_api(kubeconfig, folder / "api.log", *options) as anyone:
        yield anyone


def connected(user: ApiUser, text: str, body: bytes = b"") -> socket.socket:
    """A connection on which a request was sent."""
    connection = socket.create_connection(("127.0.0.1", user.port), 60)
    connection.sendall(text.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
    return connection


def received(connection: socket.socket, end: bytes) -> bytes:
    """What is received up to some text."""
    found = b""
    while end not in found:
        part = connection.recv(4096)
        assert part, found
        found += part
    return found


def test_yaml_is_read_after_the_token_is_accepted_and_keeps_no_one_waiting(
    anyone: ApiUser, cluster: Cluster
) -> None:
    body = b"- a\n" * 60_000
    typed = {"Content-Type": "application/yaml"}
    assert anyone.within("mallory")("POST", "/workflows", body, typed).status == 401
    assert anyone("POST", "/workflows", body, typed).status == 401
    assert len(cluster.asked) == 1
    head = (
        "POST /automation/workflows/validate HTTP/1.1\nHost: api\nAuthorization: Bearer ana\n"
        f"Content-Type: application/yaml\nContent-Length: {len(body)}"
    )
    with connected(anyone, head, body) as slow:
        eventually(lambda: len(cluster.asked) == 2)  # it is accepted, and read from now on
        assert anyone("GET", "/health").status == 200
        assert select.select([slow], [], [], 0)[0] == []
        assert slow.recv(64).startswith(b"HTTP/1.1 422")
    large = anyone.within("ana")("POST", "/workflows", b"- a\n" * 80_000, typed)
    assert (large.status, "send it as JSON" in large.text) == (413, True)


def test_who_sends_nothing_of_a_body_takes_no_place_of_a_request(anyone: ApiUser) -> None:
    head = (
        "POST /automation/workflows HTTP/1.1\nHost: api\nContent-Type: application/json\n"
        "Content-Length: 10"
    )
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(connected(anyone, head))
        for _ in range(3):
            assert anyone.within("ana")("GET", "/node-types").status == 200


async def until(check: Callable[[], bool]) -> None:
    for _ in range(2400):
        if check():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("not within two minutes")


async def test_a_connection_that_takes_nothing_is_closed_with_what_is_buffered_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(main, "STALLED_SECONDS", 1.0)
    config = uvicorn.Config(create_application(None), port=0, log_config=None, access_log=False)
    config.load()
    server = main._Server(config)
    serving = asyncio.create_task(server.serve())
    await server.ready(serving)
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(reader, server.servers[0].sockets[0].getsockname())
        request = b"GET /automation/openapi.json HTTP/1.1\r\nHost: api\r\n\r\n"
        await loop.sock_sendall(reader, request)
        await until(lambda: bool(server.server_state.total_requests))
        await until(lambda: not server.server_state.connections)
    server.should_exit = True
    await serving


def test_answers_of_the_api_server_are_passed_on_as_they_come_for_the_query_that_was_sent(
    anyone: ApiUser, cluster: Cluster
) -> None:
    head = (
        "GET /automation/kubernetes/api/v1/namespaces/shop/pods?limit=1 HTTP/1.1\n"
        "Host: api?watch=true&x=\nAuthorization: Bearer ana"
    )
    with connected(anyone, head) as connection:
        begun = received(connection, b'{"items": ')
        assert cluster.asked[-1] == "/api/v1/namespaces/shop/pods?limit=1"
        cluster.more.set()
        received(connection, b"[12345]}")
    assert b"content-length: 18" in begun.lower()


def test_probes_ask_the_api_server_together(anyone: ApiUser, cluster: Cluster) -> None:
    with ExitStack() as stack:
        for _ in range(100):
            probe = "GET /automation/readiness HTTP/1.1\nHost: api"
            stack.enter_context(connected(anyone, probe))
        eventually(lambda: cluster.asked)
        assert anyone.within("ana")("GET", "/node-types").status == 200
        assert cluster.asked.count("/readyz") < 10


def test_invented_tokens_count_together_and_take_nothing_of_those_that_are_accepted(
    cluster: Cluster, tmp_path: Path
) -> None:
    with started(cluster, tmp_path, "--rate=0.1", "--burst=4") as anyone:
        ana = anyone.within("ana")
        assert ana("GET", "/node-types").status == 200
        invented = (anyone.within(f"no{number}")("GET", "/node-types") for number in range(200))
        assert any(answer.status == 429 for answer in invented)
        assert ana("GET", "/node-types").status == 200
        letters = ({letter, letter.upper()} for letter in "bearer")
        spelled = ({"Authorization": f"{''.join(each)} ana"} for each in product(*letters))
        statuses = (anyone("GET", "/node-types", headers=each).status for each in spelled)
        assert any(status == 429 for status in statuses)


def test_logins_wait_for_a_provider_that_does_not_answer_and_nobody_else_does(
    cluster: Cluster, tmp_path: Path
) -> None:
    token = yaml.safe_load(kubeconfig_of(cluster.url, tmp_path / "kubeconfig").read_text())
    token["users"] = [{"name": "it", "user": {"token": "account"}}]
    (tmp_path / "account").write_text(yaml.safe_dump(token))
    keys = tmp_path / "keys"
    keys.write_bytes(base64.b64encode(bytes(32)))
    with socket.create_server(("127.0.0.1", 0)) as provider, ExitStack() as stack:
        options = (
            "--external-url=http://localhost",
            f"--oidc-issuer=http://127.0.0.1:{provider.getsockname()[1]}",
            "--oidc-client-id=workflow",
            f"--session-key-file={keys}",
        )
        running = running_api(tmp_path / "account", tmp_path / "api.log", *options)
        anyone = stack.enter_context(running)
        for _ in range(30):
            login = "GET /automation/login HTTP/1.1\nHost: localhost"
            stack.enter_context(connected(anyone, login))
        provider.settimeout(60)
        asked = [stack.enter_context(provider.accept()[0])]
        assert anyone.within("ana")("GET", "/node-types").status == 200
        provider.settimeout(0)
        with suppress(BlockingIOError):
            while True:
                asked.append(stack.enter_context(provider.accept()[0]))
        assert len(asked) <= 8
        provider.close()  # the others are refused


@pytest.mark.parametrize("depth", [300, 3000])
def test_what_someone_nests_hides_no_list_from_others(
    anyone: ApiUser, cluster: Cluster, depth: int
) -> None:
    nested = '{"a":' * depth + "1" + "}" * depth
    metadata = {"name": "deep", "namespace": "shop", "uid": "u", "resourceVersion": "7"}
    raw = json.dumps({"metadata": metadata, "spec": {"workflow": "w", "variables": "NESTED"}})
    items = raw.replace('"NESTED"', f'{{"x": {nested}}}')
    answer = f'{{"metadata": {{}}, "items": [{items}]}}'.encode()
    cluster.lists[f"{OURS}/namespaces/shop/workflowexecutions"] = answer
    listed = anyone.within("ana")("GET", "/executions?namespace=shop")
    assert listed.status == 200, listed.text
    assert json.loads(listed.text)["items"][0]["metadata"]["name"] == "deep"


def test_an_execution_that_someone_else_made_for_a_key_is_not_taken_for_ones_own(
    tmp_path: Path,
) -> None:
    env = CliEnvironment(tmp_path)
    try:
        env.put("Workflow", "w", spec={"nodes": [{"name": "a", "delay": "1s"}]})
        path = "/automation/workflows/w/execute"
        content: dict[str, Any] = {"variables": {}, "name": None, "dry_run": False}
        key = RequestKey.of("ana", f"POST {path}", "ticket-1", content)
        forged = {"uid": "u", "annotations": {REQUEST: key.annotation}}
        name = key.name("w-")
        spec = {"workflow": "w", "requester": "mallory"}
        env.put("WorkflowExecution", name, metadata=forged, spec=spec)
        with running_api(env.kubeconfig, tmp_path / "api.log") as anyone:
            sent = {"Idempotency-Key": "ticket-1"}
            answer = anyone.within("t")("POST", "/workflows/w/execute", {}, sent)
            assert answer.status == 409, answer.text
            again = anyone.within("t")("POST", "/workflows/w/execute", {}, {"Idempotency-Key": "2"})
            assert again.status == 201, again.text
    finally:
        env.close()
