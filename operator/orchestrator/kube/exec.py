"""Running a command in a container over a WebSocket.

The protocol is `v5.channel.k8s.io` (https://github.com/kubernetes/enhancements, KEP-4006): the
first byte of each message is its channel. The client is websocket-client, which the official client
uses too; that one's own stream takes as long to import as all of it, and cannot close the standard
input.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from orchestrator.kube.errors import NO_ANSWER, ApiError, cause_of, error_from
from orchestrator.kube.resources import PODS

if TYPE_CHECKING:
    from orchestrator.kube.access import Access

PROTOCOLS = ("v5.channel.k8s.io",)
STDIN, STDOUT, STDERR, ERROR, CLOSE = 0, 1, 2, 3, 255
MAX_CHUNK = 64 * 1024
"""Bytes of standard input in one message."""
CONNECT_SECONDS = 10.0


class ExecTimeoutError(Exception):
    """The command did not end in time; it may still be running."""


class ExecLostError(Exception):
    """The connection was lost before the command's exit code arrived."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command in a container of a pod."""

    namespace: str
    pod: str
    container: str
    words: Sequence[str]
    stdin: bytes = b""

    @property
    def path(self) -> str:
        """The path of the request, with its query."""
        query = [
            ("container", self.container),
            ("stdin", "true" if self.stdin else "false"),
            ("stdout", "true"),
            ("stderr", "true"),
            *(("command", word) for word in self.words),
        ]
        return f"{PODS.path(self.namespace, self.pod, 'exec')}?{urlencode(query)}"


def run_command(
    access: Access,
    command: Command,
    output: Callable[[int, bytes], None],
    left: Callable[[], float],
) -> int:
    """Run a command, pass on what it writes as (STDOUT or STDERR, bytes), return its exit code.

    `left` returns the seconds that are left. Raises ApiError if the command is not started,
    ExecTimeoutError and ExecLostError.
    """
    # Imported here: only one action needs it.
    import websocket

    connection = _connect(access, command, left)
    try:
        connection.settimeout(max(0.001, left()))
        for start in range(0, len(command.stdin), MAX_CHUNK):
            chunk = command.stdin[start : start + MAX_CHUNK]
            connection.send_binary(bytes([STDIN]) + chunk)
        if command.stdin:
            connection.send_binary(bytes([CLOSE, STDIN]))
        while True:
            seconds = left()
            if seconds <= 0:
                raise ExecTimeoutError
            connection.settimeout(seconds)
            opcode, data = connection.recv_data()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                raise ExecLostError("the API server closed the connection")
            channel, payload = data[:1], bytes(data[1:])
            if channel == bytes([ERROR]):
                return _exit_code(payload)
            if channel in (bytes([STDOUT]), bytes([STDERR])) and payload:
                output(channel[0], payload)
    except websocket.WebSocketTimeoutException:
        raise ExecTimeoutError from None
    except (websocket.WebSocketException, OSError) as error:
        raise ExecLostError(str(error) or type(error).__name__) from error
    finally:
        connection.shutdown()


def _connect(access: Access, command: Command, left: Callable[[], float]) -> Any:
    import websocket

    address = access.server.replace("http", "ws", 1)
    header = {}
    if authorization := access.authorization():
        header["Authorization"] = authorization
    options: dict[str, Any] = {"header": header, "subprotocols": list(PROTOCOLS)}
    if (tls := access.tls()) is not None:
        options["sslopt"] = {
            "context": tls,
            "cert_reqs": tls.verify_mode,
            "check_hostname": tls.check_hostname,
        }
        if access.server_name:
            options["sslopt"]["server_hostname"] = access.server_name
    if access.proxy:
        proxy = urlsplit(access.proxy)
        options |= {"http_proxy_host": proxy.hostname, "http_proxy_port": proxy.port}
        options["proxy_type"] = proxy.scheme
    else:
        options["socket"] = _Limited(_open_socket(access, tls), left)
    try:
        return websocket.create_connection(
            f"{address}{command.path}", timeout=CONNECT_SECONDS, **options
        )
    except websocket.WebSocketBadStatusException as error:
        body = error.resp_body
        payload = body if isinstance(body, bytes) else (body or "").encode()
        headers = {name.title(): value for name, value in (error.resp_headers or {}).items()}
        raise error_from(error.status_code, headers, payload) from error
    except (websocket.WebSocketProxyException, ConnectionRefusedError) as error:
        raise ApiError(0, NO_ANSWER, str(error)) from error
    except (websocket.WebSocketException, OSError, ValueError) as error:
        # The request may have arrived, and the command may run.
        raise ExecLostError(cause_of(error)) from error


class _Limited:
    """A socket that is read until the deadline: a server that sends a byte now and then would put
    it off."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._socket, self._left = sock, left

    def recv(self, size: int) -> bytes:
        """As that of the socket; raises TimeoutError at the deadline."""
        left = self._left()
        if left <= 0:
            raise TimeoutError("timed out")
        timeout = self._socket.gettimeout()
        self._socket.settimeout(left if timeout is None else min(timeout, left))
        return self._socket.recv(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


def _open_socket(access: Access, tls: ssl.SSLContext | None) -> socket.socket:
    """A connection to the API server; raises ApiError if there is none, and so no command."""
    server = urlsplit(access.server)
    host, port = server.hostname or "", server.port or (80 if tls is None else 443)
    try:
        plain = socket.create_connection((host, port), CONNECT_SECONDS)
        return tls.wrap_socket(plain, server_hostname=access.server_name or host) if tls else plain
    except OSError as error:
        raise ApiError(0, NO_ANSWER, str(error) or type(error).__name__) from error


def _exit_code(payload: bytes) -> int:
    """The exit code in the Status that ends the command.

    Raises ApiError for a command that could not be started.
    """
    try:
        status = json.loads(payload)
    except ValueError:
        raise ExecLostError("the status of the command is damaged") from None
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    message = status.get("message") or "the command could not be started"
    raise ApiError(int(status.get("code") or 500), str(status.get("reason") or ""), message)
