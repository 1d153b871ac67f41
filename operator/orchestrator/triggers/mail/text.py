"""Decodes what messages contain. Nothing raises: mail comes from anyone, and much is malformed."""

from __future__ import annotations

import base64
import binascii
import codecs
import quopri
import re
from email.errors import MessageError
from email.header import decode_header
from encodings.aliases import aliases

import orjson

MAX_VALUE = 8 * 1024
"""Characters of a header field that are read."""
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_CHARSETS = frozenset({*aliases, *aliases.values()})
"""The names of Python's codecs, with underscores."""
_NO_CHARSETS = {"punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined"}
"""Python's codecs that are no charsets of mail, some of them slow."""


def clip(text: str, size: int) -> str:
    """The beginning of a text that takes at most `size` bytes in JSON."""
    if len(text) * 6 <= size:
        return text
    text = text[:size]
    while (excess := len(orjson.dumps(text)) - 2 - size) > 0:
        # A character takes up to six bytes, so this never removes too many.
        text = text[: -max(1, excess // 6)]
    return text


def decode_text(data: bytes, encoding: str, charset: str) -> str:
    """The text of a body part, which may be cut anywhere; unknown bytes are replaced."""
    return _decoded(_transferred(data, encoding.lower()), charset)


def decode_value(value: str) -> str:
    """The value of a header field, with its encoded words decoded and on one line."""
    value = value[:MAX_VALUE]
    try:
        parts = decode_header(value)
    except (MessageError, ValueError, IndexError, binascii.Error):
        parts = [(value, None)]
    words = [
        _decoded(_raw(part) if isinstance(part, str) else part, charset or "utf-8")
        for part, charset in parts
    ]
    return " ".join("".join(words).split())


def _raw(text: str) -> bytes:
    """The bytes of a header field that the parser kept as surrogates."""
    return text.encode("utf-8", "surrogateescape")


def _transferred(data: bytes, encoding: str) -> bytes:
    """The bytes after the transfer encoding is undone."""
    if encoding == "base64":
        packed = _NOT_BASE64.sub(b"", data)
        remainder = len(packed) % 4
        packed = packed[: len(packed) - 1] if remainder == 1 else packed
        try:
            return base64.b64decode(packed + b"=" * (-len(packed) % 4))
        except (binascii.Error, ValueError):
            return b""
    if encoding == "quoted-printable":
        return quopri.decodestring(data)
    return data


def _decoded(data: bytes, charset: str) -> str:
    name = (charset or "utf-8").lower().replace("-", "_")
    try:
        # Python remembers every name that it has looked up, so only names that exist are.
        known = codecs.lookup(name).name if name in _CHARSETS else "utf-8"
        text = data.decode("utf-8" if known in _NO_CHARSETS else known, "replace")
    except (LookupError, ValueError, UnicodeError):
        text = data.decode("utf-8", "replace")
    return text.encode("utf-8", "replace").decode()
