"""Encodes the body of a server-side apply as JSON that is also valid YAML with the same meaning.

The API server parses such a body with go-yaml, which accepts most JSON. There are three exceptions:
characters that YAML considers unprintable or line breaks, which are escaped here; escapes of
characters beyond U+FFFF as surrogate pairs, which are written unescaped here; and keys longer than
1,024 characters, which get YAML's `?` prefix here.
"""

from __future__ import annotations

import json
import re
from typing import Any

MAX_SIMPLE_KEY = 1000
"""Length of a key, with quotes, that go-yaml is sure to accept without a `?`."""
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_STRING = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")(:?)')
"""A JSON string; a colon after it marks a key."""


class NotUnicodeError(ValueError):
    """The value contains half of a surrogate pair, which is not valid text."""


def encode_applied(body: Any) -> bytes:
    """Compact JSON in UTF-8 that is also valid YAML with the same meaning.

    Raises NotUnicodeError with the path of the invalid text, and ValueError for values that JSON
    does not have.
    """
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    if _may_have_long_key(text):
        text = _STRING.sub(_explicit_key, text)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        path, letter = _first_surrogate(body, "") or ("", "")
        where = f"{path}: " if path else ""
        code = f"U+{ord(letter or text[error.start]):04X}"
        raise NotUnicodeError(f"{where}{code} is half of a surrogate pair, not text") from error


def _may_have_long_key(text: str) -> bool:
    """Whether a key may be longer than MAX_SIMPLE_KEY; may be true for long values as well."""
    return '\\":' in text or max(map(len, text.split('":'))) > MAX_SIMPLE_KEY


def _explicit_key(match: re.Match[str]) -> str:
    string, colon = match.groups()
    return f"? {string} :" if colon and len(string) > MAX_SIMPLE_KEY else match[0]


def _first_surrogate(value: Any, path: str) -> tuple[str, str] | None:
    if isinstance(value, str):
        letter = next((letter for letter in value if "\ud800" <= letter <= "\udfff"), None)
        return (path, letter) if letter else None
    items: Any = ()
    if isinstance(value, dict):
        for key in value:
            if found := _first_surrogate(key, path):
                return found
        items = ((f"{path}.{key}".lstrip("."), item) for key, item in value.items())
    elif isinstance(value, list):
        items = ((f"{path}[{index}]", item) for index, item in enumerate(value))
    return next((found for where, item in items if (found := _first_surrogate(item, where))), None)
