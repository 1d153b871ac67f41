"""The webhook's certificate and key: read from files, and again when these change."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """A certificate with its chain, and its private key, both PEM (as in a Secret of type
    kubernetes.io/tls)."""

    certificate: Path
    key: Path

    def stamp(self) -> Stamp:
        """Changes when a file is replaced, also by a link to another. Raises OSError."""
        found = (path.stat() for path in (self.certificate, self.key))
        return tuple((one.st_ino, one.st_mtime_ns, one.st_size) for one in found)


class Certificate:
    """The certificate that new connections are shown. Raises OSError (ssl.SSLError is one) while
    the files are not there or do not belong together."""

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files
        self._stamp = files.stamp()
        self.context = _context()
        self._load(self.context)

    def refresh(self) -> bool:
        """Use what the files hold now; True when that is another certificate.

        Raises OSError, and goes on with the certificate that it has, while the files cannot be
        used, such as between the writes of the two.
        """
        stamp = self._files.stamp()
        if stamp == self._stamp:
            return False
        self._load(_context())  # in another context first: a failure leaves that one unusable
        self._load(self.context)
        self._stamp = stamp
        return True

    def _load(self, context: ssl.SSLContext) -> None:
        context.load_cert_chain(self._files.certificate, self._files.key)


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
