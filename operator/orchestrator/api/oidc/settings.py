"""The settings of the login of browsers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.api.oidc.identity import Claims

DEFAULT_SCOPES = ("openid", "profile", "email")


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """The provider, and what we are to it."""

    issuer: str
    client_id: str
    client_secret: Callable[[], str] = field(default=str, repr=False)
    """The secret as it is now; empty for a public client."""
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    ca_file: Path | None = None
    """The authority of its certificate; those that Python trusts if absent."""


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """How browsers log in, and what they then keep."""

    provider: ProviderSettings
    external: str
    """Our own origin, as browsers see it."""
    keys: Callable[[], tuple[bytes, ...]] = field(repr=False)
    """Those of sessions as they are now; the first seals."""
    claims: Claims = field(default_factory=Claims)
    session_seconds: int = 8 * 3600
