"""Where a request of a browser comes from, and where a browser may be sent to."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
MAX_PATH = 2048
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def refusal(method: str, headers: Mapping[str, str], external: str) -> str:
    """Why a request with a cookie is refused, as one that another site may have made; empty if it
    is not.

    https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
    """
    if method in SAFE_METHODS:
        return ""
    origin = headers.get("origin")
    if origin is not None:
        return "" if origin == external else f"Origin: {origin[:128]!r} is not {external}"
    if headers.get("sec-fetch-site") == "same-origin":
        return ""
    return f"a request that changes something with a session needs the header Origin: {external}"


def is_own_path(path: str) -> bool:
    """Whether a browser that is sent to this stays at our address.

    Browsers take `//` and `/\\` for the start of a host, and leave out tabs and newlines.
    """
    return (
        path.startswith("/")
        and path[1:2] not in ("/", "\\")
        and "\\" not in path
        and len(path) <= MAX_PATH
        and path.isascii()
        and path.isprintable()
        and " " not in path
    )


def origin_of(url: str) -> str:
    """The origin of a URL as browsers write it. Raises ValueError if it has more than an origin."""
    parts = urlsplit(url)
    host, port = parts.hostname, parts.port
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("write https://HOST or https://HOST:PORT")
    if parts.username or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("write only the scheme, the host and the port")
    shown = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{shown}" + ("" if port in (None, usual) else f":{port}")


def is_protected(url: str) -> bool:
    """Whether no one in between can read what is sent there: TLS, or this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    )
