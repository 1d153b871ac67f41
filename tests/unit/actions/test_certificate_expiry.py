"""certificate-expiry, a Template written as YAML alone: its script against real TLS servers."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.action_coverage import record_action
from tests.examples import example

PROVES = {"TLS servers with real certificates": ["certificate-expiry"]}

ROOT = Path(__file__).parents[3]
TEMPLATE = yaml.safe_load((ROOT / "manifests/catalog/actions/certificate-expiry.yaml").read_text())
SOURCE = TEMPLATE["spec"]["action"]["script"]["source"]


def certificate(folder: Path, days: float) -> Path:
    """A certificate of 127.0.0.1 with its key, valid for so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=90))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@contextmanager
def serving(path: Path) -> Iterator[int]:
    """A TLS server with this certificate; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with (
                        suppress(OSError),
                        context.wrap_socket(connection, server_side=True) as tls,
                    ):
                        tls.recv(1)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def run(folder: Path, port: int, trusted: Path | None = None, **given: Any) -> tuple[int, str]:
    """Exit code and termination message of the script."""
    outputs = folder / "outputs"
    defaults = {"host": "127.0.0.1", "minimumDays": 14, "timeout": 5}
    parameters = {**defaults, **given, "port": port}
    environ = {**os.environ, "PARAMS": json.dumps(parameters), "OUTPUTS": str(outputs)}
    if trusted is not None:
        environ["SSL_CERT_FILE"] = str(trusted)
    done = subprocess.run(
        [sys.executable, "-c", SOURCE], env=environ, capture_output=True, text=True, timeout=60
    )
    if done.returncode == 0:
        record_action("certificate-expiry")
    return done.returncode, outputs.read_text()


def test_the_days_that_are_left_are_told(tmp_path: Path) -> None:
    path = certificate(tmp_path, 30.5)
    with serving(path) as port:
        code, message = run(tmp_path, port, trusted=path)
    assert code == 0, message
    assert json.loads(message)["days"] == 30


def test_the_example_runs(tmp_path: Path) -> None:
    (parameters,) = example("certificate-expiry", host="127.0.0.1")
    path = certificate(tmp_path, 22)
    with serving(path) as port:
        code, message = run(tmp_path, port, trusted=path, **parameters)
    assert code == 0, message


@pytest.mark.parametrize(
    ("days", "words"),
    [(3.5, "expires in 3 days, at "), (-1, "is not trusted: certificate has expired")],
)
def test_too_few_days_are_a_failure_for_good(tmp_path: Path, days: float, words: str) -> None:
    path = certificate(tmp_path, days)
    with serving(path) as port:
        code, message = run(tmp_path, port, trusted=path)
    assert (code, words in message) == (65, True), message


def test_a_certificate_of_a_stranger_is_not_trusted(tmp_path: Path) -> None:
    with serving(certificate(tmp_path, 30)) as port:
        code, message = run(tmp_path, port)
    assert (code, "is not trusted" in message) == (65, True), message


def test_no_connection_is_worth_a_retry(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        code, message = run(tmp_path, free.getsockname()[1])
    assert (code, "cannot reach 127.0.0.1" in message) == (1, True), message
