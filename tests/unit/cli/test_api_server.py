"""`--server`: what a user is told who names the wrong address, file or command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from orchestrator.cli.api_server import Api
from orchestrator.cli.commands.registry import COMMANDS, NEED_CLUSTER, NEED_NOTHING
from orchestrator.cli.main import app
from orchestrator.session.errors import UnreachableError, UsageError


class _Handler(BaseHTTPRequestHandler):
    answers = b'{"status":"ok"}'
    tokens: list[str | None] = []

    def do_GET(self) -> None:
        self.tokens.append(self.headers["Authorization"])
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.answers)))
        self.end_headers()
        self.wfile.write(self.answers)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


@contextmanager
def answering(answer: bytes, seen: list[str | None]) -> Iterator[str]:
    """A server that answers everything alike; the Authorization headers that it got."""
    handler = type("Handler", (_Handler,), {"answers": answer, "tokens": seen})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_the_token_goes_only_to_a_server_that_answers_as_the_api(tmp_path: Path) -> None:
    seen: list[str | None] = []
    with answering(b"hello", seen) as url, pytest.raises(UsageError, match="but not as `orch"):
        Api(url, token="secret").connect([])
    assert seen == [None]
    token = tmp_path / "token"
    token.write_text("one\n")
    with answering(b'{"status":"ok"}', seen) as url:
        transport = Api(f"{url}/automation/", token_file=str(token), token="other").connect([])
        assert transport.token == "one"
        token.write_text("two\n")  # such as by the kubelet
        assert transport.token == "two"
        with transport.answer("GET", "/apis"):
            pass
    assert seen == [None, None, "Bearer two"]


@pytest.mark.parametrize(
    ("api", "words"),
    [
        (Api("automation.example.com", token="t"), "is not a URL such as https://HOST"),
        (Api("https://automation.example.com"), "give a token of a user of the cluster"),
        (Api("https://127.0.0.1:1", token="t", authority="missing"), "--certificate-authority"),
    ],
)
def test_what_is_missing_or_wrong_is_named(api: Api, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        api.connect([])


def test_a_server_that_does_not_answer_and_a_file_without_a_token_are_named(
    tmp_path: Path,
) -> None:
    with pytest.raises(UnreachableError, match=r"the API at http://127.0.0.1:1 does not answer"):
        Api("http://127.0.0.1:1", token="t").connect([])
    empty = tmp_path / "empty"
    empty.write_text("")
    with (
        answering(b'{"status":"ok"}', []) as url,
        pytest.raises(UsageError, match=f"--token-file: {empty} is empty"),
    ):
        assert Api(url, token_file=str(empty)).connect([]).token


@pytest.mark.parametrize("command", NEED_CLUSTER)
def test_a_command_that_needs_the_cluster_says_why(command: str) -> None:
    with pytest.raises(UsageError, match=f"{command} needs access to the cluster: it "):
        app(["--server", "https://x", command], standalone_mode=False)


def test_two_clusters_at_once_are_refused_and_each_command_is_of_one_kind() -> None:
    with pytest.raises(UsageError, match="leave out --kubeconfig and --context"):
        app(["--server", "https://x", "--kubeconfig", "k", "list"], standalone_mode=False)
    assert {*NEED_CLUSTER, *NEED_NOTHING} <= COMMANDS.keys()
