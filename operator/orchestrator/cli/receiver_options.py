"""The options of the receiver."""

from __future__ import annotations

from pathlib import Path

from orchestrator.cli.server_options import read_address, read_certificate
from orchestrator.receiver.server import Address
from orchestrator.session.errors import UsageError


def receiver_address(
    address: str, certificate: Path | None, key: Path | None, client_ca: Path | None
) -> Address:
    """The address of the receiver. Raises UsageError."""
    host, port = read_address(address)
    files = read_certificate(certificate, key)
    if client_ca is not None and files is None:
        raise UsageError("--client-ca: write --tls-certificate and --tls-key as well")
    return Address(host, port, files, client_ca)
