"""Blocking requests to the API server."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlencode

import urllib3

from orchestrator.kube.access import Access
from orchestrator.kube.errors import NO_ANSWER, ApiError, cause_of, error_from
from orchestrator.kube.impersonated import Impersonated
from orchestrator.kube.media_types import JSON
from orchestrator.kube.response_deadline import limit

ACCEPT = "application/json, */*"
CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0
"""Seconds to connect, and to wait for an answer."""
REQUEST_SECONDS = 60.0
"""Seconds of a request of BlockingClient, retries and the whole response included."""
_BOUNDS: dict[str, Any] = {
    "total": 3,
    "redirect": 0,
    "backoff_factor": 0.2,
    "retry_after_max": 10,
    "raise_on_status": False,
}
RETRIES = urllib3.Retry(**_BOUNDS)
"""Reconnects, and retries requests that are safe to repeat or that a busy server asks to repeat."""


class _OnceUnavailable(urllib3.Retry):
    RETRY_AFTER_STATUS_CODES = urllib3.Retry.RETRY_AFTER_STATUS_CODES - {503}


ONCE_UNAVAILABLE = _OnceUnavailable(**_BOUNDS)
"""The same, but for a server that cannot answer for a while and says why: the user decides when to
try again."""


class BlockingTransport:
    """Sends requests, each with the same headers in addition to its own."""

    request_seconds: ClassVar[float] = REQUEST_SECONDS

    def __init__(
        self,
        access: Access,
        headers: Sequence[tuple[str, str]] = (),
        *,
        connections: int = 1,
        retries: urllib3.Retry = RETRIES,
    ) -> None:
        """`connections` is the maximum number that are kept for further requests."""
        self.server = access.server
        self._access = access
        self._headers = headers
        options: dict[str, Any] = {"retries": retries, "maxsize": connections}
        if (tls := access.tls()) is not None:
            options |= {"ssl_context": tls, "server_hostname": access.server_name}
        self._pool = (
            urllib3.ProxyManager(access.proxy, **options)
            if access.proxy
            else urllib3.PoolManager(**options)
        )
        self._of_thread = threading.local()
        limit(self._pool, self._left)

    def with_token(self, token: str) -> BlockingTransport:
        """The same connections for the requests of another user, with that token alone."""
        other = copy.copy(self)
        other._access = replace(self._access, authorization=lambda: f"Bearer {token}")
        return other

    def impersonating(
        self, authorization: Callable[[], str | None], user: Impersonated
    ) -> BlockingTransport:
        """The same connections for requests in the name of a user, whom the account of that
        Authorization header may impersonate."""
        other = copy.copy(self)
        other._access = replace(self._access, authorization=authorization)
        other._headers = [*self._headers, *user.headers()]
        return other

    @property
    def identity(self) -> str:
        """Differs between users: the token, and whom it impersonates."""
        names = [f"{name}: {value}" for name, value in self._headers]
        return "\n".join([self.token, *names])

    @property
    def token(self) -> str:
        """The bearer token of the requests; empty if there is none."""
        scheme, _, token = (self._access.authorization() or "").partition(" ")
        return token if scheme.lower() == "bearer" else ""

    @contextmanager
    def answer(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = ACCEPT,
        connect: float = CONNECT_SECONDS,
        read: float | None = READ_SECONDS,
        whole: float | None = None,
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """An answer, to be read to its end or closed; empty values of the query are left out.

        `read` is the maximum silence in seconds, None for any, and `whole` the time until the end
        of the answer. Raises ApiError for an answer that is not 2xx, and for a connection that is
        lost while it is read.
        """
        asked = {name: value for name, value in (query or {}).items() if value}
        url = f"{self.server}{self._access.prefix}{path}" + (
            f"?{urlencode(asked)}" if asked else ""
        )
        response = None
        self._of_thread.deadline = None if whole is None else time.monotonic() + whole
        try:
            response = self._pool.request(
                method,
                url,
                body=body,
                headers=self._made_headers(accept, content_type if body is not None else ""),
                timeout=urllib3.Timeout(connect=connect, read=read),
                preload_content=False,
            )
            if response.status >= 300:
                raise error_from(response.status, response.headers, response.data)
            yield response
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiError(0, NO_ANSWER, cause_of(error)) from error
        finally:
            if response is not None:
                response.close()

    def _left(self) -> float | None:
        deadline: float | None = getattr(self._of_thread, "deadline", None)
        return None if deadline is None else deadline - time.monotonic()

    def _made_headers(self, accept: str, content_type: str) -> urllib3.HTTPHeaderDict:
        headers = urllib3.HTTPHeaderDict({"Accept": accept})
        if authorization := self._access.authorization():
            headers["Authorization"] = authorization
        if content_type:
            headers["Content-Type"] = content_type
        for name, value in self._headers:
            # Each group to act in has a header of its own. The text is sent as UTF-8.
            headers.add(name, value.encode().decode("latin-1"))
        return headers
