"""HTTP for actions: whom to trust, what may follow a redirect, what an error is worth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orchestrator.actions.action import ActionError, Parameters
from orchestrator.models.base import Duration

if TYPE_CHECKING:
    import requests

    from orchestrator.actions.httpsession import Session

WORTH_A_RETRY = frozenset({408, 425, 429})
"""The 4xx answers that speak of now, not of the request (RFC 9110, RFC 8470, RFC 6585)."""


class WithTimeout(Parameters):
    """How long an action on another service may take."""

    timeout: Duration = "30s"
    """Maximum time in all, waits for rate limits included."""


@contextmanager
def session(*, tls_verify: bool = True, ca_certificate: str = "") -> Iterator[Session]:
    """A session that is closed at the end.

    It trusts the image's certificates, and those in `ca_certificate` (PEM) besides. Raises
    ActionError, permanent, when that text holds none.
    """
    # Imported here: TLS and HTTP are half of what an action imports, and its function starts first.
    import ssl
    import warnings

    from urllib3.exceptions import InsecureRequestWarning

    from orchestrator.actions.httpsession import Session

    tls = ssl.create_default_context()
    if ca_certificate:
        try:
            tls.load_verify_locations(cadata=ca_certificate)
        except (ssl.SSLError, ValueError):
            raise ActionError(
                "caCertificate holds no certificate in PEM form", permanent=True
            ) from None
    if not tls_verify:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    with Session(tls) as http, warnings.catch_warnings():
        if not tls_verify:  # asked for by name; the node's log need not complain each time
            warnings.simplefilter("ignore", InsecureRequestWarning)
        yield http


def shown(url: str) -> str:
    """A URL without its user, password and query, which may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:512]


def classify(error: Exception) -> ActionError | None:
    """What went wrong before there was an answer; only what cannot change is permanent."""
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
