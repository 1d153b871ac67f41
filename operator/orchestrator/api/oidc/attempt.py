"""One login: what is sent to the provider, and compared when the browser returns."""

from __future__ import annotations

import secrets
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attempt:
    """Three random texts of a login."""

    state: str
    """Binds the answer to the browser."""
    nonce: str
    """Binds the ID token to the login."""
    verifier: str
    """Binds the code to the browser that began the login (PKCE)."""

    @classmethod
    def new(cls) -> Attempt:
        """An attempt that no one can guess."""
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))
