"""HTTP for actions: whom to trust, what may follow a redirect, what an error is worth."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import InsecureRequestWarning

from orchestrator.actions.action import ActionError

WORTH_A_RETRY = frozenset({408, 425, 429})
"""The 4xx answers that speak of now, not of the request (RFC 9110, RFC 8470, RFC 6585)."""


class Session(requests.Session):
    """A session that carries no secret header to another host when it follows a redirect."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__()
        self.secret_headers: set[str] = set()
        self.max_redirects = 10
        self.auth = _as_it_is
        self.verify = tls.verify_mode is ssl.CERT_REQUIRED
        self.mount("https://", _Adapter(tls))

    def merge_environment_settings(self, *args: Any, **kwargs: Any) -> Any:
        """Takes proxies from the environment, but not whom to trust: the context says that."""
        return {**super().merge_environment_settings(*args, **kwargs), "verify": self.verify}

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Called by requests for each redirect; drops Authorization itself."""
        super().rebuild_auth(prepared_request, response)
        if self.should_strip_auth(response.request.url or "", prepared_request.url or ""):
            for name in self.secret_headers:
                prepared_request.headers.pop(name, None)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from looking for a .netrc, which would replace the token we send."""
    return request


class _Adapter(HTTPAdapter):
    """An adapter that trusts whom its context trusts, with and without a proxy."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._tls, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._tls, **kwargs)


@contextmanager
def session(*, tls_verify: bool = True, ca_certificate: str = "") -> Iterator[Session]:
    """A session that is closed at the end.

    It trusts the image's certificates, and those in `ca_certificate` (PEM) besides. Raises
    ActionError, permanent, when that text holds none.
    """
    tls = ssl.create_default_context()
    if ca_certificate:
        try:
            tls.load_verify_locations(cadata=ca_certificate)
        except (ssl.SSLError, ValueError):
            raise ActionError(
                "caCertificate holds no certificate in PEM form", permanent=True
            ) from None
    if not tls_verify:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    with Session(tls) as http, warnings.catch_warnings():
        if not tls_verify:  # asked for by name; the node's log need not complain each time
            warnings.simplefilter("ignore", InsecureRequestWarning)
        yield http


def shown(url: str) -> str:
    """A URL without its user, password and query, which may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:512]


def classify(error: Exception) -> ActionError | None:
    """What went wrong before there was an answer; only what cannot change is permanent."""
    if not isinstance(error, requests.RequestException):
        return None
    where = _host(error)
    match error:
        case requests.exceptions.SSLError():
            return ActionError(f"TLS with {where} failed: {_cause(error)}", permanent=True)
        case requests.Timeout():
            return ActionError(f"{where} did not answer in time")
        case requests.ConnectionError():
            return ActionError(f"cannot reach {where}: {_cause(error)}")
        case requests.TooManyRedirects():
            return ActionError(f"{where} redirects without end", permanent=True)
        case requests.exceptions.ChunkedEncodingError():
            return ActionError(f"the connection to {where} broke off")
    return ActionError(f"the request cannot be sent: {error}", permanent=True)


def _host(error: requests.RequestException) -> str:
    url = error.request.url if error.request is not None else None
    return urlsplit(str(url)).netloc.rpartition("@")[2] if url else "the server"


def _cause(error: BaseException) -> str:
    """The innermost reason, without the layers of urllib3 around it (they repeat the URL)."""
    reason: object = error.args[0] if error.args else error
    while isinstance(reason, BaseException):
        inner = getattr(reason, "reason", None)
        if not isinstance(inner, BaseException):
            break
        reason = inner
    return str(reason).rpartition(">: ")[2][:200]
