"""Regular expressions that match whole strings, with RE2, so that matching takes linear time.

A match is charged for the worst case: the length of the string times the size of the pattern's
program.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

from orchestrator.expressions.budget import MAX_WORK, charge, memory
from orchestrator.expressions.errors import ExpressionError

MAX_PATTERN = 256
"""Maximum length of a pattern, in characters."""
MAX_MEMORY = 256 * 1024
"""Maximum memory of a pattern's program and its states, in bytes: a few thousand steps."""
MAX_CACHED = 256
"""Maximum number of compiled patterns in the cache that all workflows share."""


def check_pattern(pattern: str, steps: int | None = None) -> None:
    """Raise ExpressionError if the pattern is not RE2 or is too long.

    `steps` is the maximum size of the compiled program.
    """
    program = _compiled(pattern).programsize
    if steps is not None and program > steps:
        raise ExpressionError(
            f"{pattern[:64]!r} takes {program:,} steps for each byte; at most {steps:,}"
        )


def full_match(pattern: str, text: str) -> bool:
    """Whether the pattern matches the whole string; ExpressionError for an invalid pattern."""
    cache = memory()
    if (compiled := cache.get(("pattern", pattern))) is None:
        # Charged even if the pattern is cached: the cost must not depend on a shared cache.
        charge(50 + 10 * len(pattern) + 1000 * pattern.lower().count("\\p"))
        compiled = cache["pattern", pattern] = _compiled(pattern)
    work = match_work(compiled.programsize, text)
    charge(work)
    if work > MAX_WORK:
        raise ExpressionError(
            f"{pattern[:64]!r} is too costly for a string of {len(text):,} characters"
        )
    try:
        return compiled.fullmatch(text) is not None
    except UnicodeError as error:
        raise ExpressionError("the string to match is not valid Unicode") from error


def match_work(program: int, text: str) -> int:
    """Maximum cost of a match in units: each step of the program for each byte of the string."""
    size = len(text) if text.isascii() else 4 * len(text)
    return 40 + size * (16 + program) // 64


@lru_cache(maxsize=MAX_CACHED)
def _compiled(pattern: str) -> Any:
    if len(pattern) > MAX_PATTERN:
        raise ExpressionError(
            f"a pattern has at most {MAX_PATTERN} characters; this one has {len(pattern)}"
        )
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_MEMORY
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeError) as error:
        raise ExpressionError(f"{pattern!r} is not an RE2 pattern: {_error_text(error)}") from error


def _error_text(error: Exception) -> str:
    detail = error.args[0] if error.args else error
    return detail.decode(errors="replace") if isinstance(detail, bytes) else str(detail)
