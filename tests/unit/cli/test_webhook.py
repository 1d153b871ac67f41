"""The webhook's options."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.cli.webhook_options import webhook_address
from orchestrator.controller.webhook.server import Address
from orchestrator.process.certificate import CertificateFiles
from orchestrator.session.errors import UsageError

CERTIFICATE, KEY = Path("tls.crt"), Path("tls.key")


@pytest.mark.parametrize(
    ("webhook", "host", "port"),
    [("10.0.0.1:9443", "10.0.0.1", 9443), (":443", "", 443), ("[::1]:9443", "::1", 9443)],
)
def test_an_address_has_a_host_or_none(webhook: str, host: str, port: int) -> None:
    files = CertificateFiles(CERTIFICATE, KEY)
    assert webhook_address(webhook, CERTIFICATE, KEY) == Address(host, port, files)


def test_without_the_option_there_is_no_webhook() -> None:
    assert webhook_address("", None, None) is None


@pytest.mark.parametrize(
    ("webhook", "certificate", "key", "said"),
    [
        ("9443", CERTIFICATE, KEY, "--webhook 9443: write HOST:PORT"),
        ("host:", CERTIFICATE, KEY, "--webhook host:: write HOST:PORT"),
        (":99999", CERTIFICATE, KEY, "--webhook :99999: write HOST:PORT"),
        (":9443", None, KEY, "--webhook: write --webhook-certificate FILE"),
        (":9443", CERTIFICATE, None, "--webhook: write --webhook-key FILE"),
        ("", CERTIFICATE, None, "--webhook-certificate: write --webhook HOST:PORT"),
        ("", None, KEY, "--webhook-key: write --webhook HOST:PORT"),
    ],
)
def test_what_is_missing_is_named(
    webhook: str, certificate: Path | None, key: Path | None, said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        webhook_address(webhook, certificate, key)
    assert str(refused.value).startswith(said)
