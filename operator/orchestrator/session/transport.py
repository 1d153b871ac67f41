"""Sends requests to the API server, and turns its errors into messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from orchestrator.kube.errors import ApiError
from orchestrator.kube.media_types import APPLY_PATCH, JSON
from orchestrator.models.applied import NotUnicodeError, encode_applied
from orchestrator.session.errors import UnreachableError, UsageError, in_words

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

    from orchestrator.kube.blocking_transport import BlockingTransport

Raw = dict[str, Any]
CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
"""Seconds to connect, and to wait for an answer."""


class Transport:
    """Requests as the user, or as the impersonated user."""

    def __init__(self, transport: BlockingTransport, *, timeout: float | None = None) -> None:
        """`timeout` bounds each request, in seconds, instead of the two constants above."""
        self._transport = transport
        self._timeout = timeout

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = JSON,
        accept: str = "application/json, */*",
    ) -> Raw:
        """A request's answer as JSON. Raises UsageError with the API server's message."""
        encoded = None if body is None else _encode(body, content_type)
        with (
            self._in_words(path, body),
            self._transport.answer(
                method,
                path,
                query=query,
                body=encoded,
                content_type=content_type,
                accept=accept,
                connect=self._timeout or CONNECT_SECONDS,
                read=self._timeout or READ_SECONDS,
            ) as response,
        ):
            return self._read(response.data)

    def text(
        self, path: str, query: Mapping[str, str], *, silence: float | None = READ_SECONDS
    ) -> Iterator[str]:
        """The lines of an answer as they arrive; `silence` is the maximum pause between them, in
        seconds."""
        with (
            self._in_words(path, None),
            self._transport.answer(
                "GET",
                path,
                query=query,
                connect=self._timeout or CONNECT_SECONDS,
                read=self._timeout or silence,
            ) as response,
        ):
            for line in _lines(response):
                yield line.decode(errors="replace")

    def _read(self, answer: bytes | str) -> Raw:
        try:
            read = json.loads(answer)
        except RecursionError:  # what someone has written into a free-form field
            from orchestrator.kube.decoding import loads

            read = loads(answer if isinstance(answer, bytes) else answer.encode())
        except ValueError:
            read = None
        if isinstance(read, dict):
            return read
        server = self._transport.server
        raise UnreachableError(f"{server} answers, but not as a Kubernetes API server does")

    @contextmanager
    def _in_words(self, path: str, sent: object) -> Iterator[None]:
        try:
            yield
        except ApiError as error:
            if not error.status:
                server = self._transport.server
                raise UnreachableError(
                    f"the API server at {server} does not answer: {error.message}"
                ) from error
            where = re.search("/namespaces/([^/]+)/", path)
            raise in_words(error, namespace=where[1] if where else "", sent=sent) from error


def _lines(response: BaseHTTPResponse) -> Iterator[bytes]:
    pending = b""
    for chunk in response.stream(65536, decode_content=False):
        *lines, pending = (pending + chunk).split(b"\n")
        yield from lines
    if pending:
        yield pending


def _encode(body: object, content_type: str) -> bytes:
    """The body of a request; refuses values that JSON cannot represent."""
    try:
        applied = encode_applied(body)
    except NotUnicodeError as error:
        raise UsageError(str(error)) from error
    except ValueError as error:
        raise UsageError(f"this is not JSON: {error}") from error
    return applied if content_type == APPLY_PATCH else json.dumps(body).encode()
