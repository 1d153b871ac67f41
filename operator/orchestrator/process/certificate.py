"""A server certificate and its key, reloaded from their files when these change."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.process.watched_file import Stamp, stamp_of


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """A certificate with its chain, and its private key, both PEM (as in a Secret of type
    kubernetes.io/tls)."""

    certificate: Path
    key: Path

    def stamp(self) -> Stamp:
        """Changes when a file is replaced. Raises OSError."""
        return stamp_of(self.certificate, self.key)


class Certificate:
    """The certificate for new connections. Raises OSError (ssl.SSLError is one) if the files are
    missing or do not match."""

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files
        self._stamp = files.stamp()
        self.context = _context()
        self._load(self.context)
        self.expires_at = self._expires_at()
        """When it expires, in seconds since the epoch; None if it cannot be parsed."""

    def refresh(self) -> bool:
        """Load the files; True if the certificate has changed.

        If the files cannot be used, for example between the writes of the two, raises OSError and
        keeps the current certificate.
        """
        stamp = self._files.stamp()
        if stamp == self._stamp:
            return False
        self._load(_context())  # first into another context: a failure makes a context unusable
        self._load(self.context)
        self._stamp = stamp
        self.expires_at = self._expires_at()
        return True

    def _load(self, context: ssl.SSLContext) -> None:
        context.load_cert_chain(self._files.certificate, self._files.key)

    def _expires_at(self) -> float | None:
        try:
            return not_after(self._files.certificate.read_text(encoding="ascii", errors="replace"))
        except (OSError, ValueError):
            return None


_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_VERSION, _UTC_TIME = 0xA0, 0x17
_BEFORE_VALIDITY = 3
"""Fields of a certificate between its version, which may be absent, and its validity."""


def not_after(pem: str) -> float:
    """When the first certificate in the text expires, in seconds since the epoch.

    Python's ssl module reports this only for certificates of peers. Only the part of the structure
    (RFC 5280, section 4.1) that leads there is parsed. Raises ValueError for an invalid
    certificate.
    """
    begin = pem.find(_BEGIN)
    end = pem.find(_END, begin)
    if begin < 0 or end < 0:
        raise ValueError("contains no certificate")
    der = ssl.PEM_cert_to_DER_cert(pem[begin : end + len(_END)])
    try:
        at = _content(der, _content(der, 0)[0])[0]
        if der[at] == _VERSION:
            at = _content(der, at)[1]
        for _ in range(_BEFORE_VALIDITY):
            at = _content(der, at)[1]
        at = _content(der, _content(der, at)[0])[1]  # past notBefore
        tag, (begin, end) = der[at], _content(der, at)
    except IndexError:
        raise ValueError("the certificate is incomplete") from None
    form = "%y%m%d%H%M%SZ" if tag == _UTC_TIME else "%Y%m%d%H%M%SZ"
    text = der[begin:end].decode("ascii", "replace")
    return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()


def _content(der: bytes, at: int) -> tuple[int, int]:
    """The start and end of the content of the element at this position."""
    length, begin = der[at + 1], at + 2
    if length & 0x80:
        digits = length & 0x7F
        length = int.from_bytes(der[begin : begin + digits])
        begin += digits
    return begin, begin + length


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
