"""The options of the admission webhook."""

from __future__ import annotations

from pathlib import Path

from orchestrator.controller.webhook.server import Address
from orchestrator.process.certificate import CertificateFiles
from orchestrator.session.errors import UsageError


def webhook_address(webhook: str, certificate: Path | None, key: Path | None) -> Address | None:
    """The address of the webhook; None without `--webhook`. Raises UsageError.

    The files may be missing: the webhook is served once they exist.
    """
    if not webhook:
        if certificate or key:
            option = "--webhook-certificate" if certificate else "--webhook-key"
            raise UsageError(f"{option}: write --webhook HOST:PORT as well")
        return None
    host, colon, port = webhook.rpartition(":")
    number = int(port) if colon and port.isascii() and port.isdecimal() else 0
    if not 0 < number < 65536:
        raise UsageError(f"--webhook {webhook}: write HOST:PORT, or :PORT for every address")
    if certificate is None or key is None:
        missing = "--webhook-certificate" if certificate is None else "--webhook-key"
        raise UsageError(
            f"--webhook: write {missing} FILE as well; the API server calls webhooks over HTTPS"
        )
    return Address(host.strip("[]"), number, CertificateFiles(certificate, key))
