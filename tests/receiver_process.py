"""The receiver as a separate process, and an HTTP client for it."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kube import Operator, eventually


class ReceiverProcess(Operator):
    """A receiver that can be killed."""

    COMMAND = "receiver"


@dataclass(frozen=True)
class Response:
    """The response to a request."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    text: str

    @property
    def body(self) -> Any:
        """Its JSON."""
        return json.loads(self.text)


@dataclass(frozen=True)
class Sender:
    """An HTTP client of a receiver on localhost."""

    port: int
    tls: ssl.SSLContext | None = None

    def __call__(
        self,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
    ) -> Response:
        """Send a request to /triggers/PATH."""
        address = ("127.0.0.1", self.port)
        connection = (
            http.client.HTTPSConnection(*address, timeout=60, context=self.tls)
            if self.tls
            else http.client.HTTPConnection(*address, timeout=60)
        )
        try:
            connection.request(method, f"/triggers/{path}", body, dict(headers or {}))
            answer = connection.getresponse()
            named = {name.lower(): text for name, text in answer.getheaders()}
            return Response(answer.status, named, answer.read().decode())
        finally:
            connection.close()


@contextmanager
def running_receiver(
    kubeconfig: Path, log: Path, *options: str, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[Sender, ReceiverProcess]]:
    """A running receiver, stopped when the context exits."""
    receiver = ReceiverProcess(kubeconfig, log, "--address=127.0.0.1:0", *options)
    receiver.start()
    try:
        found = eventually(lambda: re.search(r"received at port (\d+)", log.read_text()))
        yield Sender(int(found[1]), tls), receiver
    finally:
        receiver.stop()
