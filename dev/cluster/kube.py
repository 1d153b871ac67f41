"""The few calls to the API server that starting a cluster takes; no client library is imported."""

import base64
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dev.cluster.errors import ClusterError

_POLL_SECONDS = 0.1


class Kube:
    """A bare client with the credentials of a kubeconfig that we wrote."""

    def __init__(self, kubeconfig: Path) -> None:
        config = json.loads(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._server: str = cluster["server"]
        self._token: str = config["users"][0]["user"]["token"]
        proxyless = urllib.request.ProxyHandler({})
        tls = urllib.request.HTTPSHandler(context=ssl.create_default_context(cadata=authority))
        self._opener = urllib.request.build_opener(proxyless, tls)

    def get(self, path: str) -> bytes | None:
        """The answer to a GET; None when there is none yet, or it is an error."""
        try:
            return self._send("GET", path, None)
        except (urllib.error.URLError, OSError):
            return None

    def create(self, path: str, body: dict[str, Any]) -> None:
        """Create an object; one that exists is left as it is."""
        try:
            self._send("POST", path, body)
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 409:
                    raise ClusterError(f"POST {path}: {error.read().decode()}") from None

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - our own https address
            self._server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        with self._opener.open(request, timeout=10) as answer:
            content: bytes = answer.read()
            return content


def wait_for(what: str, ready: Callable[[], bool], seconds: float) -> None:
    """Look until it is so. Raises ClusterError when that takes too long."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise ClusterError(f"{what} was not ready after {seconds:.0f} s")
        time.sleep(_POLL_SECONDS)
