"""The HTTP session of actions; importing it takes as long as most of their work."""

from __future__ import annotations

import ssl
from typing import Any

import requests
from requests.adapters import HTTPAdapter


class Session(requests.Session):
    """A session that sends no secret header to another host when it follows a redirect."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__()
        self.secret_headers: set[str] = set()
        self.max_redirects = 10
        self.auth = _unchanged
        self.verify = tls.verify_mode is ssl.CERT_REQUIRED
        self.mount("https://", _Adapter(tls))

    def merge_environment_settings(self, *args: Any, **kwargs: Any) -> Any:
        """Read proxies from the environment, but not certificates: the SSL context has those."""
        return {**super().merge_environment_settings(*args, **kwargs), "verify": self.verify}

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Called by requests for each redirect; drops Authorization itself."""
        super().rebuild_auth(prepared_request, response)
        if self.should_strip_auth(response.request.url or "", prepared_request.url or ""):
            for name in self.secret_headers:
                prepared_request.headers.pop(name, None)


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from reading .netrc, which would replace our token."""
    return request


class _Adapter(HTTPAdapter):
    """An adapter that uses our SSL context, with and without a proxy."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._tls, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=self._tls, **kwargs)
