"""Receivers as processes of their own, and senders of requests to them."""

from __future__ import annotations

import http.client
import json
import random
import re
import socket
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
class Answer:
    """The answer to a request."""

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
    """Sends requests to a receiver at a port of this machine."""

    port: int
    tls: ssl.SSLContext | None = None

    def __call__(
        self,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
    ) -> Answer:
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
            return Answer(answer.status, named, answer.read().decode())
        finally:
            connection.close()


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def steady_port() -> int:
    """A free port that no connection from this machine is given: it stays free while a server is
    started, or is away for a while."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10_000, first)
        with socket.socket() as free:
            try:
                free.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def running_receiver(
    kubeconfig: Path, log: Path, *options: str, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[Sender, ReceiverProcess]]:
    """A receiver that answers requests for as long as the block."""
    receiver = ReceiverProcess(kubeconfig, log, "--address=127.0.0.1:0", *options)
    receiver.start()
    try:
        found = eventually(lambda: re.search(r"received at port (\d+)", log.read_text()))
        yield Sender(int(found[1]), tls), receiver
    finally:
        receiver.stop()
