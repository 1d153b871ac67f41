"""Why a login fails; the message is for the user who tried."""

from __future__ import annotations


class LoginError(Exception):
    """The login cannot be completed; the user may try again."""


class TokenError(Exception):
    """The provider refuses the login, or its ID token is not for us."""


class ProviderError(Exception):
    """The provider does not answer, or not as it must."""
