"""HTTP for actions: certificates, redirects, and which errors to retry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orchestrator.actions.action import ActionError, Parameters
from orchestrator.models.base import Duration

if TYPE_CHECKING:
    import requests

    from orchestrator.actions.http_session import Session

WORTH_A_RETRY = frozenset({408, 425, 429})
"""The transient 4xx statuses (RFC 9110, RFC 8470, RFC 6585)."""


class WithTimeout(Parameters):
    """Timeout of an action on another service."""

    timeout: Duration = "30s"
    """Maximum total time, including waits for rate limits."""


@contextmanager
def session(*, tls_verify: bool = True, ca_certificate: str = "") -> Iterator[Session]:
    """A session that is closed at the end.

    It trusts the image's certificates and those in `ca_certificate` (PEM). Raises ActionError,
    permanent, if that contains none.
    """
    # Imported here: TLS and HTTP are half of an action's imports, and not every action needs them.
    import ssl
    import warnings

    from urllib3.exceptions import InsecureRequestWarning

    from orchestrator.actions.http_session import Session

    tls = ssl.create_default_context()
    if ca_certificate:
        try:
            tls.load_verify_locations(cadata=ca_certificate)
        except (ssl.SSLError, ValueError):
            raise ActionError(
                "caCertificate contains no certificate in PEM format", permanent=True
            ) from None
    if not tls_verify:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    with Session(tls) as http, warnings.catch_warnings():
        if not tls_verify:  # requested by a parameter; no warning per request in the node's log
            warnings.simplefilter("ignore", InsecureRequestWarning)
        yield http


def shown(url: str) -> str:
    """A URL without user, password and query, which may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:512]


def classify(error: Exception) -> ActionError | None:
    """The error of a request without a response; permanent only if a retry cannot help."""
    import requests

    if not isinstance(error, requests.RequestException):
        return None
    where = _host(error)
    match error:
        case requests.exceptions.SSLError():
            return ActionError(f"TLS with {where} failed: {_cause(error)}", permanent=True)
        case requests.Timeout():
            return ActionError(f"{where} did not answer in time")
        case requests.ConnectionError():
            return ActionError(f"cannot reach {where}: {_cause(error)}")
        case requests.TooManyRedirects():
            return ActionError(f"{where} redirects without end", permanent=True)
        case requests.exceptions.ChunkedEncodingError():
            return ActionError(f"the connection to {where} broke off")
    return ActionError(f"the request cannot be sent: {error}", permanent=True)


def _host(error: requests.RequestException) -> str:
    url = error.request.url if error.request is not None else None
    return urlsplit(str(url)).netloc.rpartition("@")[2] if url else "the server"


def _cause(error: BaseException) -> str:
    """The innermost reason, without the layers of urllib3 around it (they repeat the URL)."""
    reason: object = error.args[0] if error.args else error
    while isinstance(reason, BaseException):
        inner = getattr(reason, "reason", None)
        if not isinstance(inner, BaseException):
            break
        reason = inner
    return str(reason).rpartition(">: ")[2][:200]
