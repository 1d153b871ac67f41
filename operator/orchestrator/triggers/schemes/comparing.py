"""Comparisons in constant time, and replay windows."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence

from orchestrator.triggers.sources import HttpRequest

REPLAY_SECONDS = 300.0
"""Seconds by which the timestamp of a request may differ from the receiver's clock."""


def same(given: str, expected: bytes) -> bool:
    """Whether both are equal, in a time that depends on their lengths only."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected)


def any_same(given: Iterable[str], expected: Sequence[bytes]) -> bool:
    """Whether one of the given texts equals one of the expected ones; each pair is compared."""
    # A list, so that no comparison is left out after a match.
    found = [same(text, wanted) for text in given for wanted in expected if wanted]
    return any(found)


def hex_digests(secrets: Sequence[bytes], signed: bytes, algorithm: str = "sha256") -> list[bytes]:
    """The HMAC of the signed text by each secret, in lower-case hexadecimal digits."""
    return [
        hmac.new(secret, signed, getattr(hashlib, algorithm)).hexdigest().encode()
        for secret in secrets
        if secret  # an empty key is no secret
    ]


def outside_window(text: str, request: HttpRequest, window: float = REPLAY_SECONDS) -> str:
    """Why a timestamp in seconds since the epoch does not belong to a request of this moment."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        return "the timestamp is missing or not a number of seconds"
    seconds = request.received_at - int(text)
    if abs(seconds) > window:
        when = "old" if seconds > 0 else "in the future"
        return f"the timestamp is {abs(seconds):.0f} seconds {when}; at most {window:.0f}"
    return ""
