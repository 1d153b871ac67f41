"""Sealed cookies: encrypted and authenticated, with a purpose and an expiry.

An encrypted JWT (RFC 7516, `dir` with AES-256-GCM). So replicas share keys and no state.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwe import JWERegistry
from joserfc.jwk import KeySet, OctKey

MIN_KEY = 32
"""Minimum bytes of a key."""
_REGISTRY = JWERegistry(algorithms=["dir", "A256GCM"])
_ADVICE = "write each key as openssl rand -base64 32 does"
_PURPOSE = b"itechsmart-workflow api sessions"
_UNREADABLE = (JoseError, ValueError, LookupError, TypeError)


class CookieSealer:
    """Seals values with the first of its keys, and opens those of each."""

    def __init__(
        self, secrets: Callable[[], tuple[bytes, ...]], now: Callable[[], float] = time.time
    ) -> None:
        """`secrets` returns the keys as they are now: they may be replaced at any time."""
        self._secrets = secrets
        self._now = now
        self._known: tuple[tuple[bytes, ...], KeySet] = ((), KeySet([]))

    def _keys(self) -> KeySet:
        """The keys of the secrets; derived once for as long as these stay the same."""
        secrets = self._secrets()
        known, keys = self._known  # one read: another thread may replace it
        if secrets != known:
            keys = KeySet([_derived(secret) for secret in secrets])
            self._known = (secrets, keys)
        return keys

    def seal(self, purpose: str, value: Mapping[str, Any], seconds: float) -> str:
        """The value as text, which can be opened for the same purpose during `seconds`."""
        key = self._keys().keys[0]
        header = {"alg": "dir", "enc": "A256GCM", "kid": key.kid}
        ends = int(self._now() + seconds)
        claims = {**value, "aud": purpose, "exp": ends}
        return jwt.encode(header, claims, key, registry=_REGISTRY, default_type=None)

    def open(self, purpose: str, text: str) -> dict[str, Any] | None:
        """The value with its end as `exp`; None if it was not sealed by one of the keys for
        this purpose, or has expired."""
        try:
            claims = jwt.decode(text, self._keys(), registry=_REGISTRY).claims
        except _UNREADABLE:
            return None
        ends = claims.get("exp")
        if claims.get("aud") != purpose or not isinstance(ends, int) or ends <= self._now():
            return None
        return claims


def read_keys(text: str) -> tuple[bytes, ...]:
    """The keys of a file: a line of base64 for each. Raises ValueError, without the text."""
    keys = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            key = base64.b64decode(line.strip(), validate=True)
        except binascii.Error as error:
            raise ValueError(f"line {number} is not base64; {_ADVICE}") from error
        if len(key) < MIN_KEY:
            missing = f"line {number} has {len(key)} bytes; a key has at least {MIN_KEY}"
            raise ValueError(f"{missing}; {_ADVICE}")
        keys.append(key)
    if not keys:
        raise ValueError(f"it has no key; {_ADVICE}")
    return tuple(keys)


def _derived(secret: bytes) -> OctKey:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret)
    return OctKey.import_key(derived)
