"""The HTTP session of actions; a module of its own, because importing requests is slow."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ReadTimeoutError

from orchestrator.kube.response_deadline import limit

CHUNK = 16 * 1024
Left = Callable[[], float]


class Session(requests.Session):
    """A session that drops secret headers when a redirect leads to another host.

    No read of a response lasts longer than the time that is left for all of them together.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__()
        self.secret_headers: set[str] = set()
        self.left: Left | None = None
        """Seconds until the deadline of all requests, if there is one."""
        self.max_redirects = 10
        self.auth = _unchanged
        self.verify = tls.verify_mode is ssl.CERT_REQUIRED
        adapter = _Adapter(tls, lambda: self.left() if self.left else None)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def merge_environment_settings(self, *args: Any, **kwargs: Any) -> Any:
        """Read proxies from the environment, but not certificates, which the SSL context sets."""
        return {**super().merge_environment_settings(*args, **kwargs), "verify": self.verify}

    def resolve_redirects(self, *args: Any, **kwargs: Any) -> Any:
        """Follow redirects; requests also calls it, to prepare the next request, if none are
        followed, and would read the whole body."""
        if kwargs.get("yield_requests"):
            return iter(())
        return super().resolve_redirects(*args, **kwargs)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where a redirect leads that is followed; nothing reads its body."""
        target = super().get_redirect_target(resp)
        if target:
            resp.close()
        return target

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Called by requests for each redirect; drops Authorization itself."""
        super().rebuild_auth(prepared_request, response)
        if self.should_strip_auth(response.request.url or "", prepared_request.url or ""):
            for name in self.secret_headers:
                prepared_request.headers.pop(name, None)


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from reading .netrc, which would replace the action's token."""
    return request


class _Adapter(HTTPAdapter):
    """An adapter that uses this SSL context and deadline, with and without a proxy."""

    def __init__(self, tls: ssl.SSLContext, left: Callable[[], float | None]) -> None:
        self._tls, self._left = tls, left
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._tls, **kwargs)
        limit(self.poolmanager, self._left)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, ssl_context=self._tls, **kwargs)
        if not known:
            limit(manager, self._left)
        return manager


def beginning(response: requests.Response, size: int) -> bytes:
    """The body of a response that is not read yet, or its beginning, which is longer than `size`;
    the rest is not fetched.

    Raises requests.ReadTimeout at the deadline.
    """
    content = bytearray()
    try:
        for chunk in response.iter_content(CHUNK):
            content += chunk
            if len(content) > size:
                break
    except requests.ConnectionError as error:
        if error.args and isinstance(error.args[0], ReadTimeoutError):
            raise requests.ReadTimeout(request=response.request) from None
        raise
    return bytes(content)
