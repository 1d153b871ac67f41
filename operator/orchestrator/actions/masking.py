"""Masks the values of secrets with `***` in all output of an action.

A value is recognized in plain text, inside JSON, in base64 (standard and URL-safe, alone or inside
a longer string) and URL-encoded. Each line of a multi-line value, such as a key in PEM, is masked
too, since logs are written line by line.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from pydantic import BaseModel, SecretStr

MASK = "***"
MIN_LENGTH = 4
"""Minimum length of a value that is masked: shorter ones occur in ordinary words."""
MIN_LINE = 8
"""Minimum length of a line of a multi-line value that is masked by itself."""
MIN_ENCODED = 8
"""Minimum length of a piece of base64 that is masked."""
_PARAM = "PARAM_"

Mask = Callable[[str], str]


def masker(secrets: Iterable[str]) -> Mask:
    """A function that masks these secrets in a string; longer forms first."""
    forms = {form for secret in secrets for form in _forms(secret)}
    ordered = sorted(forms, key=lambda form: (-len(form), form))

    def mask(text: str) -> str:
        for form in ordered:
            if form in text:
                text = text.replace(form, MASK)
        return text

    return mask


def mask_value(value: Any, mask: Mask) -> Any:
    """A JSON value with the secrets in its strings and keys masked."""
    match value:
        case str():
            return mask(value)
        case dict():
            return {mask(str(key)): mask_value(item, mask) for key, item in value.items()}
        case list():
            return [mask_value(item, mask) for item in value]
        case _:
            return value


def secrets_of(environ: Mapping[str, str]) -> list[str]:
    """The values of secret parameters, which are in PARAM_* variables, but not in PARAMS.

    In a fan-out PARAMS is in a file, and every PARAM_* variable is a secret.
    """
    try:
        plain = json.loads(environ.get("PARAMS") or "{}")
    except ValueError:
        plain = {}
    known = {f"{_PARAM}{name.upper()}" for name in plain} if isinstance(plain, dict) else set()
    return [
        value
        for name, value in environ.items()
        if name.startswith(_PARAM) and name not in known and value
    ]


def secrets_in(parameters: Any) -> list[str]:
    """The values of a model's secret fields, at any depth."""
    match parameters:
        case SecretStr():
            return [parameters.get_secret_value()]
        case BaseModel():
            return [found for field in parameters for found in secrets_in(field[1])]
        case dict():
            return [found for item in parameters.values() for found in secrets_in(item)]
        case list() | tuple():
            return [found for item in parameters for found in secrets_in(item)]
        case _:
            return []


def _forms(secret: str) -> Iterable[str]:
    stripped = secret.strip()
    for value in dict.fromkeys((secret, stripped)):
        if len(value) >= MIN_LENGTH:
            yield from _encoded(value)
    lines = stripped.splitlines()
    if len(lines) > 1:
        for line in (line.strip() for line in lines):
            if len(line) >= MIN_LINE:
                yield from _encoded(line)


def _encoded(value: str) -> Iterable[str]:
    yield value
    for ascii_only in (True, False):
        yield json.dumps(value, ensure_ascii=ascii_only)[1:-1]
    raw = value.encode(errors="surrogateescape")
    for encoded in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        yield encoded
        yield re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), encoded)
    for piece in _base64(raw):
        if len(piece) >= MIN_ENCODED:
            yield piece
            yield piece.translate(_URL_SAFE)


_URL_SAFE = str.maketrans("+/", "-_")


def _base64(raw: bytes) -> Iterable[str]:
    """The value's base64 with and without padding, and the part that stays the same at any offset
    inside a longer string, such as the `user:password` of an Authorization header."""
    whole = base64.b64encode(raw).decode()
    yield whole
    yield whole.rstrip("=")
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).decode().rstrip("=")
        first = -(-before * 8 // 6)  # characters that depend on what precedes
        last = (before + len(raw)) * 8 // 6  # and those that depend on what follows
        yield encoded[first:last]
