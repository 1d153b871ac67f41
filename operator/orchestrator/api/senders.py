"""The sender of a request, before the API server has authenticated it."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope

LOGIN_PATHS = ("/automation/login", "/automation/callback", "/automation/logout")
"""Paths for browsers that have no session, or leave it."""
CALLER = "orchestrator.caller"
"""The key of the request's scope under which the sender's `caller` is."""
CREDENTIALS = "orchestrator.credentials"
"""The key under which it is noted that the answer depends on the caller's credentials."""


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender of a request."""

    caller: str
    """Differs between tokens and sessions; of a request without either, the address."""
    address: str

    @classmethod
    def of(cls, scope: Scope, session_cookie: str) -> Sender:
        """The sender; `session_cookie` is the name of the cookie of sessions."""
        client = scope.get("client") or ("", 0)
        address = f"address {client[0]}"
        if scope["path"] in LOGIN_PATHS:
            return cls(address, address)
        headers = Headers(scope=scope)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            return cls(f"token {token.strip()}", address)
        session = cookie_parser(headers.get("cookie", "")).get(session_cookie, "")
        return cls(f"session {session}" if session else address, address)

    @property
    def is_anonymous(self) -> bool:
        """Whether the request has neither a token nor a session."""
        return self.caller == self.address
