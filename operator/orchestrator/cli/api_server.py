"""The REST API in place of the cluster: `--server`, for users who cannot reach its API server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orchestrator.session.errors import UnreachableError, UsageError

if TYPE_CHECKING:
    from orchestrator.kube.access import Access
    from orchestrator.kube.blocking_transport import BlockingTransport

PREFIX = "/automation/kubernetes"
"""Where the API passes requests on to the API server."""
ROUTES = "/automation"
HEALTH = "/automation/health"
HEALTH_SECONDS = 30.0
SERVER, TOKEN = "ORCHESTRATOR_SERVER", "ORCHESTRATOR_TOKEN"
TOKEN_FILE, AUTHORITY = "ORCHESTRATOR_TOKEN_FILE", "ORCHESTRATOR_CERTIFICATE_AUTHORITY"
"""Environment variables for what is not given as an option."""


@dataclass(frozen=True)
class Api:
    """An API, and the token with which it is used."""

    url: str
    token_file: str = ""
    token: str = ""
    authority: str = ""
    """A file with the CA certificates of the server; the system's if empty."""

    def connect(
        self, headers: list[tuple[str, str]], timeout: float | None = None
    ) -> BlockingTransport:
        """Requests to the API server by way of the API. Raises UsageError."""
        from dataclasses import replace

        from orchestrator.kube.blocking_transport import BlockingTransport
        from orchestrator.kube.errors import ApiError

        access = self._access()
        try:
            anyone = BlockingTransport(replace(access.anonymous(), prefix=""))
            seconds = timeout or HEALTH_SECONDS
            with anyone.answer("GET", HEALTH, connect=seconds, read=seconds) as answer:
                serves = b'"ok"' in answer.data
        except ApiError as error:
            if not error.status:
                words = f"the API at {access.server} does not answer: {error.message}"
                raise UnreachableError(words) from error
            serves = False
        except OSError as error:
            raise UsageError(f"--certificate-authority: {self.authority}: {error}") from error
        if not serves:
            raise UsageError(
                f"--server: {access.server} answers, but not as `orchestrator api` does"
            )
        return BlockingTransport(access, headers)

    def routes(self, headers: list[tuple[str, str]]) -> BlockingTransport:
        """Requests to the API itself, once it is connected. Raises UsageError."""
        from dataclasses import replace

        from orchestrator.kube.blocking_transport import ONCE_UNAVAILABLE, BlockingTransport

        access = replace(self._access(), prefix=ROUTES)
        return BlockingTransport(access, headers, retries=ONCE_UNAVAILABLE)

    def _access(self) -> Access:
        from urllib.request import getproxies, proxy_bypass

        from orchestrator.kube.access import Access

        address = urlsplit(self.url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise UsageError(f"--server: {self.url!r} is not a URL such as https://HOST")
        host = address.hostname
        return Access(
            server=self.url.rstrip("/").removesuffix("/automation"),
            authorization=self._authorization(),
            ca_file=self.authority or None,
            proxy=None if proxy_bypass(host) else getproxies().get(address.scheme),
            prefix=PREFIX,
        )

    def _authorization(self) -> Callable[[], str]:
        if self.token_file:  # read for each request, since it may rotate
            return lambda: f"Bearer {self._read()}"
        if self.token:
            return lambda: f"Bearer {self.token.strip()}"
        raise UsageError(
            f"--server: give a token of a user of the cluster, with --token-file or in {TOKEN};"
            " `kubectl create token` makes one for a service account"
        )

    def _read(self) -> str:
        try:
            token = Path(self.token_file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--token-file: {self.token_file} cannot be read: {error}") from error
        if not token:
            raise UsageError(f"--token-file: {self.token_file} is empty")
        return token
