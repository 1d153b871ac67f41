"""Patterns of paths: `*` and `?` stay within a folder, `**` crosses folders."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import re2

MAX_LENGTH = 256


@lru_cache(maxsize=256)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a path matches a pattern, in time linear in both. Raises ValueError for a pattern
    that is none.

    A pattern without `/` is one of the file's name, in any folder.
    """
    if "/" not in pattern:
        pattern = f"**/{pattern}"
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    try:
        compiled = re2.compile(_expression(pattern), options)
    except re2.error as error:
        raise ValueError(f"{pattern!r} is no pattern: {error}") from error
    return lambda path: compiled.fullmatch(path) is not None


def _expression(pattern: str) -> str:
    """The regular expression of a pattern."""
    parts, at = [], 0
    while at < len(pattern):
        rest = pattern[at:]
        if rest.startswith("**/"):
            parts.append("(?:.*/)?")
            at += 3
        elif rest.startswith("**"):
            parts.append(".*")
            at += 2
        elif rest[0] == "*":
            parts.append("[^/]*")
            at += 1
        elif rest[0] == "?":
            parts.append("[^/]")
            at += 1
        elif rest[0] == "[":
            inside, length = _class(rest)
            parts.append(inside)
            at += length
        else:
            parts.append(re2.escape(rest[0]))
            at += 1
    return "".join(parts)


def _class(rest: str) -> tuple[str, int]:
    """A set of characters such as [0-9] or [!a-z], and its length in the pattern."""
    end = rest.find("]", 2)
    if end < 0:
        return re2.escape("["), 1
    inside = rest[1:end].replace("\\", "\\\\").replace("[", "\\[").replace("&", "\\&")
    if inside[0] in "!^":
        return f"[^/{inside[1:]}]" if len(inside) > 1 else re2.escape(rest[: end + 1]), end + 1
    return f"[{inside}]", end + 1
