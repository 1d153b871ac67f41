"""A real OpenID provider (oidc-provider on Node.js), and browsers that log in with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from dev.servers.tools import node, node_modules
from tests import route_coverage
from tests.kube import eventually
from tests.planted import planted

CLIENT, SECRET = "workflow", planted("oidc-client")
_SOURCE = Path(__file__).parent / "oidc"
_SECONDS = 120


@dataclass
class OidcProvider:
    """The provider at a port, which can be stopped and started; with these users, by name."""

    port: int
    users: Mapping[str, Any]
    redirect_uri: str
    log: Path
    _process: subprocess.Popen[bytes] | None = None

    @property
    def issuer(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        folder = node_modules(_SOURCE)
        program, _ = node()
        client: dict[str, Any] = {
            "client_id": CLIENT,
            "redirect_uris": [self.redirect_uri],
            "post_logout_redirect_uris": [urljoin(self.redirect_uri, "/")],
            "client_secret": SECRET,
        }
        environ = {
            **os.environ,
            "PORT": str(self.port),
            "USERS": json.dumps(self.users),
            "CLIENTS": json.dumps([client]),
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [program, str(folder / "provider.mjs")], env=environ, stdout=log, stderr=log
            )
        eventually(lambda: "\nready" in f"\n{self.log.read_text()}", within=180)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
            self._process = None
            self.log.write_text("")


@contextmanager
def running(provider: OidcProvider) -> Iterator[OidcProvider]:
    """The started provider, stopped when the context exits."""
    provider.start()
    try:
        yield provider
    finally:
        provider.stop()


@dataclass
class Browser:
    """A browser with cookies that follows redirects one at a time."""

    external: str
    """The address of the API."""
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.hooks["response"].append(self._note)

    def _note(self, answer: requests.Response, **_: Any) -> None:
        if answer.url.startswith(self.external):
            path = urlsplit(answer.url).path
            route_coverage.record(answer.request.method or "", path, answer.status_code)

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        at: str = "",
    ) -> requests.Response:
        """Send a request to /automation/PATH; a change has the Origin of the API by default.

        `at` is the address of another replica.
        """
        sent = {"Origin": self.external} if method != "GET" else {}
        return self.session.request(
            method,
            f"{at or self.external}/automation{path}",
            json=body,
            headers={**sent, **(headers or {})} if headers != {} else {},
            allow_redirects=False,
            timeout=_SECONDS,
        )

    def visit(self, url: str) -> requests.Response:
        """Request a URL without following redirects."""
        return self.session.get(url, allow_redirects=False, timeout=_SECONDS)

    def authenticate(self, user: str, path: str = "/automation/me") -> str:
        """Log in at the provider; returns the address at the API to which it sends the browser."""
        begun = self("GET", f"/login?return={path}")
        assert begun.status_code == 303, begun.text
        url = begun.headers["Location"]
        while not url.startswith(self.external):
            answer = self.visit(f"{url}?user={user}" if "/log-in/" in url else url)
            assert answer.status_code in (302, 303), answer.text
            url = urljoin(url, answer.headers["Location"])
        return url

    def log_in(self, user: str, path: str = "/automation/me") -> requests.Response:
        """Log in; the answer to the callback, which sends the browser to the path."""
        return self.visit(self.authenticate(user, path))
