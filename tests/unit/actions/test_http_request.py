"""http-request against a real HTTP server."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from orchestrator.actions.action import FAILED, PERMANENT, ActionError, Context
from orchestrator.actions.data.http_request import (
    ACTION,
    HttpRequest,
    HttpResponse,
)
from tests.examples import example

PROVES = {"HTTP servers, with and without TLS": ["http-request"]}


def request(context: Context, **parameters: Any) -> HttpResponse:
    return ACTION.run(HttpRequest.model_validate(parameters), context)


def failure(context: Context, **parameters: Any) -> ActionError:
    """How a request fails, errors of the library classified."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - looked at below
        request(context, **parameters)
    if isinstance(caught.value, ActionError):
        return caught.value
    known = ACTION.classify(caught.value)
    assert known is not None, caught.value
    return known


def test_tells_status_body_and_json(server: Any, context: Context, log: list[str]) -> None:
    body = b'{"healthy": true}'
    server.answer = lambda _: answer(body=body, headers={"Content-Type": "application/json"})
    response = request(context, url=f"{server.url}/healthz?token=secret")
    assert response.status == 200
    assert response.json_ == {"healthy": True}
    assert response.body == '{"healthy": true}'
    assert response.headers["content-type"] == "application/json"
    assert "secret" not in response.url + "".join(log)


def test_the_example_runs(server: Any, context: Context) -> None:
    server.answer = lambda _: answer(status=503)
    (parameters,) = example("http-request", {"token": "t0ken"}, url=f"{server.url}/healthz")
    assert request(context, **parameters).status == 503
    assert server.requests[0].headers["authorization"] == "Bearer t0ken"


def test_gives_a_list_of_json_as_items(server: Any, context: Context) -> None:
    server.answer = lambda _: answer(body=b"[1, 2]")
    response = request(context, url=server.url)
    assert (response.items, response.json_) == ([1, 2], None)


def test_sends_method_query_headers_and_json(server: Any, context: Context) -> None:
    request(
        context,
        url=f"{server.url}/x?a=1",
        method="POST",
        query={"b": "two words"},
        headers={"X-Team": "sre"},
        json={"n": 1},
    )
    (seen,) = server.requests
    assert (seen.method, seen.path) == ("POST", "/x?a=1&b=two+words")
    assert json.loads(seen.body) == {"n": 1}
    assert seen.headers["x-team"] == "sre"
    assert seen.headers["content-type"] == "application/json"


def test_sends_the_same_idempotency_key_in_every_attempt(server: Any, context: Context) -> None:
    for _attempt in range(2):
        request(context, url=server.url, method="POST", body="x")
    request(context, url=server.url)
    first, second, reading = server.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.headers["idempotency-key"] == context.identity.key
    assert "idempotency-key" not in reading.headers


@pytest.mark.parametrize(
    ("credentials", "header", "value"),
    [
        ({"token": "t0"}, "authorization", "Bearer t0"),
        (
            {"username": "ana", "password": "pw"},
            "authorization",
            "Basic " + base64.b64encode(b"ana:pw").decode(),
        ),
        ({"apiKey": "k0", "apiKeyHeader": "X-Key"}, "x-key", "k0"),
    ],
)
def test_authenticates(
    server: Any, context: Context, credentials: dict[str, str], header: str, value: str
) -> None:
    request(context, url=server.url, **credentials)
    assert server.requests[0].headers[header] == value


def test_carries_no_credentials_to_another_host(
    server: Any, other_server: Any, context: Context
) -> None:
    server.answer = lambda _: answer(302, headers={"Location": f"{other_server.url}/there"})
    for credentials in ({"token": "t0"}, {"apiKey": "k0"}):
        response = request(context, url=server.url, **credentials)
        assert response.url == f"{other_server.url}/there"
    for seen in other_server.requests:
        assert not {"authorization", "x-api-key"} & seen.headers.keys()


def test_can_stay_at_a_redirect(server: Any, context: Context) -> None:
    server.answer = lambda _: answer(302, headers={"Location": "/there"})
    response = request(context, url=server.url, followRedirects=False, expectStatus=[302])
    assert response.headers["location"] == "/there"


@pytest.mark.parametrize(
    ("status", "exit_code"),
    [(400, PERMANENT), (401, PERMANENT), (403, PERMANENT), (404, PERMANENT), (410, PERMANENT),
     (408, FAILED), (425, FAILED), (429, FAILED), (500, FAILED), (502, FAILED), (503, FAILED)],
)  # fmt: skip
def test_an_unexpected_status_fails(
    server: Any, context: Context, status: int, exit_code: int
) -> None:
    server.answer = lambda _: answer(status)
    error = failure(context, url=f"{server.url}/x")
    assert f"/x responded with {status} " in str(error)
    assert "expected 2xx" in str(error)
    assert error.exit_code == exit_code


def test_an_expected_status_succeeds(server: Any, context: Context) -> None:
    server.answer = lambda _: answer(503)
    assert request(context, url=server.url, expectStatus=[200, "5xx"]).status == 503


def test_keeps_the_beginning_of_a_long_body(server: Any, context: Context) -> None:
    server.answer = lambda _: answer(body=b"a" * 3000)
    response = request(context, url=server.url, maxBody=100)
    assert response.body == "a" * 100
    assert response.truncated


def test_cannot_reach_what_is_not_there(context: Context) -> None:
    error = failure(context, url="http://127.0.0.1:1/x")
    assert "cannot reach 127.0.0.1:1" in str(error)
    assert "refused" in str(error)
    assert error.exit_code == FAILED


def test_redirects_without_end_are_permanent(server: Any, context: Context) -> None:
    server.answer = lambda _: answer(302, headers={"Location": "/again"})
    assert failure(context, url=server.url).exit_code == PERMANENT


def test_a_server_that_never_answers_is_worth_a_retry(server: Any, context: Context) -> None:
    release = threading.Event()
    server.answer = lambda _: (release.wait(), answer())[1]
    try:
        error = failure(context, url=server.url, timeout="50ms")
    finally:
        release.set()
    assert "did not respond within the timeout" in str(error)
    assert error.exit_code == FAILED


def test_checks_certificates_unless_told(tls_server: tuple[str, str], context: Context) -> None:
    url, certificate = tls_server
    error = failure(context, url=url)
    assert str(error).startswith("TLS with 127.0.0.1")
    assert error.exit_code == PERMANENT
    assert request(context, url=url, caCertificate=certificate).status == 200
    assert request(context, url=url, tlsVerify=False).status == 200
    assert "PEM" in str(failure(context, url=url, caCertificate="nonsense"))


def answer(status: int = 200, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
    return SimpleNamespace(status=status, body=body, headers=headers or {})


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The address of an HTTPS server, and the certificate it made for itself."""
    certificate, key = self_signed()
    (tmp_path / "server.pem").write_text(certificate + key)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "server.pem")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """The tests' own output is enough."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not trust us hangs up."""

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}/", certificate
    server.shutdown()
    thread.join()
    server.server_close()


def self_signed() -> tuple[str, str]:
    """A certificate for 127.0.0.1 and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )
