"""A real git server: `git http-backend` behind HTTPS with basic authentication."""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from dev.cluster.credentials import write_credentials
from tests.planted import planted

USER, TOKEN = "git", planted("git", "ghp_")
_IDENTITY = {
    "GIT_AUTHOR_NAME": "Ana", "GIT_AUTHOR_EMAIL": "ana@x", "GIT_COMMITTER_NAME": "Ana",
    "GIT_COMMITTER_EMAIL": "ana@x", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
}  # fmt: skip


class GitServer:
    """Bare repositories in a folder, which the holder of TOKEN reads and writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failures: list[int] = []
        """Statuses of the next responses."""
        self.lost_pushes = 0
        """How many of the next pushes are done without a response."""
        self.requests = 0
        """Number of requests."""
        credentials = folder.parent / f"{folder.name}-tls"
        write_credentials(credentials, ["127.0.0.1"], server="https://unused", inner="")
        self.ca = (credentials / "ca.crt").read_text()
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(credentials / "apiserver.crt", credentials / "apiserver.key")

    def __enter__(self) -> Self:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.socket = self._tls.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"https://127.0.0.1:{self._http.server_port}"
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _at: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def create(self, name: str) -> str:
        """A repository with one commit on `main`; its URL."""
        bare = self.folder / name
        self.git(self.folder, "init", "--quiet", "--bare", "--initial-branch=main", name)
        self.git(bare, "config", "http.receivepack", "true")
        self.commit(name, {"README.md": "hello\n"}, "first")
        return f"{self.url}/{name}"

    def commit(self, name: str, files: dict[str, str], message: str, branch: str = "main") -> str:
        """Push a commit, as another person does; its id."""
        work = self.folder / f"work-{os.urandom(4).hex()}"
        self.git(self.folder, "clone", "--quiet", str(self.folder / name), str(work))
        self.git(work, "checkout", "--quiet", "-B", branch)
        for path, text in files.items():
            (work / path).write_text(text)
        self.git(work, "add", "--all")
        self.git(work, "commit", "--quiet", "-m", message)
        self.git(work, "push", "--quiet", "origin", branch)
        return self.git(work, "rev-parse", "HEAD")

    def git(self, folder: Path, *arguments: str) -> str:
        """What git prints in a folder."""
        ended = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            env={"PATH": os.environ["PATH"], **_IDENTITY},
            check=True,
            capture_output=True,
            text=True,
        )
        return ended.stdout.strip()


def _handler(server: GitServer) -> type[BaseHTTPRequestHandler]:
    expected = "Basic " + base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_any(self) -> None:
            server.requests += 1
            if server.failures:
                self.send_error(server.failures.pop(0))
                return
            if self.headers.get("Authorization") != expected:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            ended = subprocess.run(
                ["git", "http-backend"], input=self._body(), env=self._variables(),
                capture_output=True, check=False,
            )  # fmt: skip
            if server.lost_pushes and self.command == "POST" and "receive-pack" in self.path:
                server.lost_pushes -= 1
                self.send_error(502)
                return
            head, _, body = ended.stdout.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(fields.pop("Status", "200").split()[0]))
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_any  # noqa: N815

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _variables(self) -> dict[str, str]:
            parts = urlsplit(self.path)
            return {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(server.folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "PATH_INFO": parts.path,
                "QUERY_STRING": parts.query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "REMOTE_USER": USER,
            }

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """The tests' own output is enough."""

    return Handler
