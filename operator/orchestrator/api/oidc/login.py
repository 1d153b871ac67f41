"""The login of a browser, from the first redirect to the end of its session.

The server keeps nothing: a cookie has the login while the browser is at the provider, another the
session.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.api.oidc.attempt import Attempt
from orchestrator.api.oidc.errors import LoginError, TokenError
from orchestrator.api.oidc.identity import Identity, IdentityError
from orchestrator.api.oidc.origins import is_own_path, refusal
from orchestrator.api.oidc.settings import LoginSettings

if TYPE_CHECKING:  # their libraries are slow to import, and login is off by default
    from orchestrator.api.oidc.provider import Provider
    from orchestrator.api.oidc.sealed_cookies import CookieSealer

logger = logging.getLogger(__name__)
LOGIN_SECONDS = 600
"""Seconds that a user has at the provider."""
MAX_COOKIE = 4096
"""Bytes of name, value and attributes that every browser keeps (RFC 6265, section 6.1)."""
CALLBACK = "/automation/callback"
_SESSION, _LOGIN = "itechsmart-session", "itechsmart-login"


@dataclass(frozen=True, slots=True)
class Session:
    """A user who has logged in."""

    identity: Identity
    ends: float
    """In seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where a browser goes, and the cookies that it keeps or drops on the way."""

    location: str
    cookies: tuple[str, ...] = ()
    """Values of the header Set-Cookie."""


class Login:
    """The login of browsers."""

    def __init__(self, settings: LoginSettings, provider: Provider, sealer: CookieSealer) -> None:
        self.external = settings.external
        self._settings = settings
        self._provider = provider
        self._sealer = sealer
        self._secure = settings.external.startswith("https://")
        # Browsers take such a name only with Secure, from this host, for all of its paths.
        prefix = "__Host-" if self._secure else ""
        self.session_cookie = f"{prefix}{_SESSION}"
        self.login_cookie = f"{prefix}{_LOGIN}"

    def begin(self, path: str) -> Redirect:
        """Send the browser to the provider, to come back to an own path. Raises ProviderError."""
        attempt = Attempt.new()
        sealed = self._sealer.seal(
            "login",
            {
                "state": attempt.state,
                "nonce": attempt.nonce,
                "verifier": attempt.verifier,
                "path": path,
            },
            LOGIN_SECONDS,
        )
        cookie = self._cookie(self.login_cookie, sealed, LOGIN_SECONDS)
        return Redirect(self._provider.authorization_url(attempt), (cookie,))

    def finish(self, query: Mapping[str, str], cookie: str) -> Redirect:
        """Make the session of a browser that returns from the provider.

        Raises LoginError, TokenError, IdentityError, ProviderError.
        """
        begun = self._sealer.open("login", cookie)
        if begun is None:
            raise LoginError(
                "no login has begun in this browser, or it took more than"
                f" {LOGIN_SECONDS // 60} minutes"
            )
        state = query.get("state", "").encode("utf-8", "replace")
        if not hmac.compare_digest(str(begun["state"]).encode(), state):
            raise LoginError("the state is not that of the login that this browser began last")
        self._provider.check_issuer(query.get("iss", ""))
        if error := query.get("error"):
            said = " ".join((error, query.get("error_description", ""))).strip()
            raise TokenError(f"the provider refuses the login: {_printable(said)}")
        attempt = Attempt(str(begun["state"]), str(begun["nonce"]), str(begun["verifier"]))
        claims = self._provider.claims(query.get("code", ""), attempt)
        identity = self._settings.claims.identity(claims)
        session = self._session_cookie(identity)
        logger.info("%s logged in", identity.impersonated().user)
        path = str(begun["path"])
        location = self.external + (path if is_own_path(path) else "/")
        return Redirect(location, (session, self._dropped(self.login_cookie)))

    def leave(self) -> Redirect:
        """End the session in the browser, and at the provider if that offers it."""
        after = f"{self.external}/"
        location = self._provider.end_session_url(after) or after
        return Redirect(location, (self._dropped(self.session_cookie),))

    def session(self, cookie: str) -> Session | None:
        """The session that a browser keeps; None if it has ended or is not ours."""
        opened = self._sealer.open("session", cookie)
        if opened is None:
            return None
        try:
            identity = Identity(str(opened["user"]), tuple(map(str, opened["groups"])))
        except (IdentityError, LookupError, TypeError):
            return None
        return Session(identity, float(opened["exp"]))

    def refusal(self, method: str, headers: Mapping[str, str]) -> str:
        """Why a request with a session is refused as one of another site; empty if it is not."""
        return refusal(method, headers, self.external)

    def _session_cookie(self, identity: Identity) -> str:
        value = {"user": identity.name, "groups": list(identity.groups)}
        seconds = self._settings.session_seconds
        sealed = self._sealer.seal("session", value, seconds)
        cookie = self._cookie(self.session_cookie, sealed, seconds)
        if len(cookie) > MAX_COOKIE:
            raise IdentityError(
                f"the {len(identity.groups)} groups of {identity.name} do not fit in a cookie;"
                " name the prefixes of those that count by --oidc-groups-filter"
            )
        return cookie

    def _cookie(self, name: str, value: str, seconds: int) -> str:
        secure = "; Secure" if self._secure else ""
        return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"

    def _dropped(self, name: str) -> str:
        return self._cookie(name, "", 0)


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:256]
