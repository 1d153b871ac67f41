"""Requests to the API server, and its answers and refusals in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from orchestrator.cli.errors import UnreachableError, UsageError, in_words
from orchestrator.kube.errors import cause_of
from orchestrator.models.applied import NotUnicodeError, encode_applied

Raw = dict[str, Any]
CONNECT = 10
READ = 60
"""Seconds to connect, and to wait for an answer."""
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Transport:
    """Requests as the user, or as whom the user acts as."""

    def __init__(
        self,
        client: Any,
        headers: Sequence[tuple[str, str]] = (),
        *,
        timeout: float | None = None,
    ) -> None:
        """`timeout` bounds each request, in seconds; otherwise CONNECT and READ do."""
        self._client = client
        self._headers = headers
        self._timeout = timeout

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str | None = None,
        accept: str = "application/json, */*",
    ) -> Raw:
        """A request's answer as JSON. Raises UsageError with the API server's words."""
        call = self._call(method, path, query or {}, body, content_type, accept=accept)
        with call as response:
            return self._read(response.read())

    def text(
        self, path: str, query: Mapping[str, str], *, patience: float | None = READ
    ) -> Iterator[str]:
        """The lines of an answer as they come; `patience` is the longest silence, in seconds."""
        with self._call("GET", path, query, None, None, patience) as response:
            pending = b""
            for chunk in response.stream(65536, decode_content=False):
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    yield line.decode(errors="replace")
            if pending:
                yield pending.decode(errors="replace")

    def _read(self, answer: bytes | str) -> Raw:
        try:
            read = json.loads(answer)
        except ValueError:
            read = None
        if isinstance(read, dict):
            return read
        host = self._client.configuration.host
        raise UnreachableError(f"{host} answers, but not as a Kubernetes API server does")

    @contextmanager
    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: object,
        content_type: str | None,
        patience: float | None = READ,
        accept: str = "application/json, */*",
    ) -> Iterator[Any]:
        import urllib3

        headers = {"Accept": accept}
        if content_type or body is not None:
            headers["Content-Type"] = content_type or "application/json"
        response = None
        applied = _encode(body)
        try:
            parts = self._client.param_serialize(
                method,
                path,
                query_params=list(query.items()),
                header_params=headers,
                body=body if content_type != APPLY_PATCH else applied,
                auth_settings=["BearerToken"],
            )
            timeout = (self._timeout or CONNECT, self._timeout or patience)
            response = self._client.call_api(
                *self._acting(*parts), _request_timeout=timeout
            ).response
            if response.status >= 300:
                where = re.search("/namespaces/([^/]+)/", path)
                raise in_words(
                    response.status,
                    response.reason,
                    response.read(),
                    namespace=where[1] if where else "",
                    sent=body,
                )
            yield response
        except (urllib3.exceptions.HTTPError, OSError) as error:
            host = self._client.configuration.host
            raise UnreachableError(
                f"the API server at {host} does not answer: {cause_of(error)}"
            ) from error
        finally:
            if response is not None:
                response.close()

    def _acting(self, method: str, url: str, headers: Any, *rest: Any) -> tuple[Any, ...]:
        """The request in the name of whom the user acts as; a group is a header of its own."""
        import urllib3

        every = urllib3.HTTPHeaderDict(headers)
        for name, value in self._headers:
            every.add(name, value)
        return method, url, every, *rest


def _encode(body: object) -> str:
    """A body as server-side apply sends it; refuses what no request can carry unchanged."""
    try:
        return encode_applied(body).decode()
    except NotUnicodeError as error:
        raise UsageError(str(error)) from error
    except ValueError as error:
        raise UsageError(f"this is not JSON: {error}") from error
