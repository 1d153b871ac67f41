"""Builds the login from its settings."""

from __future__ import annotations

import time
from collections.abc import Callable

from orchestrator.api.oidc.login import CALLBACK, Login
from orchestrator.api.oidc.provider import Provider
from orchestrator.api.oidc.sealed_cookies import CookieSealer
from orchestrator.api.oidc.settings import LoginSettings


def make_login(settings: LoginSettings, now: Callable[[], float] = time.time) -> Login:
    """The login of browsers; nothing is asked of the provider before a user logs in."""
    provider = Provider(settings.provider, f"{settings.external}{CALLBACK}", now=now)
    return Login(settings, provider, CookieSealer(settings.keys, now))
