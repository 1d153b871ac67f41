"""A blocking API client, for the command line and for actions in pods.

The import of the official client alone takes longer than most actions run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

import urllib3

from orchestrator.kube.access import Access
from orchestrator.kube.errors import NO_ANSWER, ApiError, cause_of, error_from
from orchestrator.kube.media_types import JSON, MERGE_PATCH
from orchestrator.kube.resources import PODS, Resource
from orchestrator.models.base import is_object_name

Object = dict[str, Any]
"""A Kubernetes object as JSON."""

ACCEPT = "application/json, */*"
CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0
"""Seconds to connect, and to wait for an answer."""
RETRIES = urllib3.Retry(
    total=3, redirect=0, backoff_factor=0.2, retry_after_max=10, raise_on_status=False
)
"""Reconnects, and retries requests that are safe to repeat or that a busy server asks to repeat."""


class BlockingTransport:
    """Sends requests, each with the same headers in addition to its own."""

    def __init__(self, access: Access, headers: Sequence[tuple[str, str]] = ()) -> None:
        self.server = access.server
        self._access = access
        self._headers = headers
        options: dict[str, Any] = {"retries": RETRIES}
        if (tls := access.tls()) is not None:
            options |= {"ssl_context": tls, "server_hostname": access.server_name}
        self._pool = (
            urllib3.ProxyManager(access.proxy, **options)
            if access.proxy
            else urllib3.PoolManager(**options)
        )

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
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """An answer, to be read to its end or closed; empty values of the query are left out.

        `read` is the maximum silence in seconds, None for any. Raises ApiError for an answer that
        is not 2xx, and for a connection that is lost while it is read.
        """
        asked = {name: value for name, value in (query or {}).items() if value}
        url = f"{self.server}{path}" + (f"?{urlencode(asked)}" if asked else "")
        response = None
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

    def _made_headers(self, accept: str, content_type: str) -> urllib3.HTTPHeaderDict:
        headers = urllib3.HTTPHeaderDict({"Accept": accept})
        if authorization := self._access.authorization():
            headers["Authorization"] = authorization
        if content_type:
            headers["Content-Type"] = content_type
        for name, value in self._headers:
            headers.add(name, value)  # each group to act in has a header of its own
        return headers


class BlockingClient:
    """Reads and writes objects; every method raises ApiError for an answer that is not 2xx."""

    def __init__(self, access: Access, field_manager: str) -> None:
        self._transport = BlockingTransport(access)
        self._field_manager = field_manager

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """An object by its name."""
        return self._json("GET", _path(resource, namespace, name))

    def find(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """An object by its name, or None if there is none."""
        try:
            return self.get(resource, namespace, name)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(
        self,
        resource: Resource,
        namespace: str,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> list[Object]:
        """The matching objects, in no particular order."""
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        items: list[Object] = self._json("GET", _path(resource, namespace), query=query)["items"]
        return items

    def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        """Create an object; ApiError 409 if its name is taken."""
        return self._json("POST", _path(resource, namespace), body=body)

    def merge(self, resource: Resource, namespace: str, name: str, patch: Object) -> Object:
        """Change an object by a JSON merge patch (RFC 7386)."""
        path = _path(resource, namespace, name)
        return self._json("PATCH", path, body=patch, content_type=MERGE_PATCH)

    def log(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        lines: int,
        seconds: int | None = None,
        previous: bool = False,
    ) -> str:
        """The end of a container's log; ApiError 400 while it has none."""
        query = {
            "container": container,
            "tailLines": str(lines),
            "sinceSeconds": str(seconds) if seconds is not None else "",
            "previous": "true" if previous else "",
        }
        answer = self._request("GET", _path(PODS, namespace, pod, "log"), query=query)
        return answer.decode("utf-8", errors="replace")

    def _json(self, method: str, path: str, **request: Any) -> Object:
        value: Object = json.loads(self._request(method, path, **request))
        return value

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = JSON,
    ) -> bytes:
        asked, encoded = dict(query or {}), None
        if body is not None:
            asked["fieldManager"] = self._field_manager
            encoded = json.dumps(body).encode()
        with self._transport.answer(
            method, path, query=asked, body=encoded, content_type=content_type
        ) as response:
            return response.data


def _path(
    resource: Resource, namespace: str, name: str | None = None, subresource: str = ""
) -> str:
    """The path of a collection or of an object; refuses invalid names, which could lead
    elsewhere."""
    if name is None:
        return resource.path(quote(namespace, safe=""))
    if not is_object_name(name):
        words = f"{resource.plural} {json.dumps(name)} not found: this is not a valid object name"
        raise ApiError(404, "NotFound", words)
    return resource.path(quote(namespace, safe=""), name, subresource)
