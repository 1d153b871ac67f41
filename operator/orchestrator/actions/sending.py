"""HTTP for actions: certificates, redirects, and the classification of errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orchestrator.actions.action import ActionError, Context, Parameters
from orchestrator.models.base import Duration

if TYPE_CHECKING:
    import ssl

    import requests

    from orchestrator.actions.http_session import Session

TRANSIENT_STATUSES = frozenset({408, 425, 429})
"""4xx statuses that are retried (RFC 9110, RFC 8470, RFC 6585)."""
MIN_WAIT = 1.0
"""Minimum seconds to wait for a rate limit."""


class WithTimeout(Parameters):
    """The timeout of an action that calls another service."""

    timeout: Duration = "30s"
    """Maximum total time, including waits for rate limits."""


@contextmanager
def session(*, tls_verify: bool = True, ca_certificate: str = "") -> Iterator[Session]:
    """A session, closed at the end of the context.

    It trusts the image's certificates and those in `ca_certificate` (PEM). Raises a permanent
    ActionError if `ca_certificate` contains no certificate.
    """
    # Imported here: TLS and HTTP are half of an action's imports, and not every action needs them.
    import ssl
    import warnings

    from urllib3.exceptions import InsecureRequestWarning

    from orchestrator.actions.http_session import Session

    tls = tls_context(ca_certificate)
    if not tls_verify:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    with Session(tls) as http, warnings.catch_warnings():
        if not tls_verify:  # requested by a parameter; no warning per request in the node's log
            warnings.simplefilter("ignore", InsecureRequestWarning)
        yield http


def tls_context(ca_certificate: str = "") -> ssl.SSLContext:
    """TLS that trusts the image's certificates and those in `ca_certificate` (PEM).

    Raises a permanent ActionError if `ca_certificate` contains no certificate.
    """
    import ssl

    tls = ssl.create_default_context()
    if ca_certificate:
        try:
            tls.load_verify_locations(cadata=ca_certificate)
        except (ssl.SSLError, ValueError):
            raise ActionError(
                "caCertificate contains no certificate in PEM format", permanent=True
            ) from None
    return tls


def refuses_tls(error: BaseException) -> bool:
    """Whether one side does not accept the other, in any attempt: a certificate that is not
    trusted, or no common version or cipher. A connection that is cut or damaged is another."""
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return True
    reason = str(getattr(error, "reason", None) or "")
    alert = "ALERT" in reason and "BAD_RECORD_MAC" not in reason
    return alert or reason.endswith(("PROTOCOL", "_TOO_SMALL", "_TOO_WEAK", "CIPHERS_AVAILABLE"))


def redacted_url(url: str) -> str:
    """A URL without user, password and query, which may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:512]


def classify(error: Exception) -> ActionError | None:
    """The error of a request without a response, permanent only if a retry cannot succeed; None
    for an unknown error."""
    import requests

    from orchestrator.kube.errors import cause_of, innermost

    if not isinstance(error, requests.RequestException):
        return None
    where = _host(error)
    match error:
        case requests.exceptions.SSLError():
            return ActionError(
                f"TLS with {where} failed: {cause_of(error)}",
                permanent=refuses_tls(innermost(error)),
            )
        case requests.Timeout():
            return ActionError(f"{where} did not respond within the timeout")
        case requests.ConnectionError():
            return ActionError(f"cannot reach {where}: {cause_of(error)}")
        case requests.TooManyRedirects():
            return ActionError(f"{where} sent too many redirects", permanent=True)
        case requests.exceptions.ChunkedEncodingError():
            return ActionError(f"the connection to {where} was closed early")
        case requests.exceptions.ContentDecodingError():
            return ActionError(f"the response of {where} is damaged")
    return ActionError(f"the request cannot be sent: {error}", permanent=True)


def retry_after(response: requests.Response, context: Context) -> float | None:
    """Seconds to wait for a rate limit (RFC 9110, section 10.2.3); None if it is none.

    GitHub reports its secondary limits with 403 and Retry-After.
    """
    status, text = response.status_code, response.headers.get("Retry-After", "").strip()
    if status == 429 and not text:  # PagerDuty sends no Retry-After
        text = response.headers.get("RateLimit-Reset", "").strip()
    if status != 429 and not (status in (403, 503) and text):
        return None
    if text.isdigit():
        return max(float(text), MIN_WAIT)
    from email.utils import parsedate_to_datetime

    try:
        wait = (parsedate_to_datetime(text) - context.clock.now()).total_seconds()
    except (ValueError, TypeError):
        return MIN_WAIT
    return max(wait, MIN_WAIT)


def _host(error: requests.RequestException) -> str:
    url = error.request.url if error.request is not None else None
    return urlsplit(str(url)).netloc.rpartition("@")[2] if url else "the server"
