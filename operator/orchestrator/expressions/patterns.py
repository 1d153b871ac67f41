"""Regular expressions: RE2, so that none takes more than linear time; they match whole strings."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

from orchestrator.expressions.errors import ExpressionError

MAX_PATTERN = 256
"""Longest pattern, in characters."""


def check_pattern(pattern: str) -> None:
    """Raises ExpressionError, in words, when the pattern is not RE2 or is too long."""
    _compiled(pattern)


def full_match(pattern: str, text: str) -> bool:
    """Whether the pattern matches the whole text; ExpressionError on a bad pattern."""
    try:
        return _compiled(pattern).fullmatch(text) is not None
    except UnicodeError as error:
        raise ExpressionError("the text to match is not valid Unicode") from error


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    if len(pattern) > MAX_PATTERN:
        raise ExpressionError(
            f"a pattern has at most {MAX_PATTERN} characters; this one has {len(pattern)}"
        )
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeError) as error:
        raise ExpressionError(f"{pattern!r} is not an RE2 pattern: {_words(error)}") from error


def _words(error: Exception) -> str:
    detail = error.args[0] if error.args else error
    return detail.decode(errors="replace") if isinstance(detail, bytes) else str(detail)
