"""The words that users type for the kinds of this API."""

from __future__ import annotations

from functools import cache

from orchestrator.kube.resources import EXECUTIONS, KINDS, Resource
from orchestrator.models.base import GROUP
from orchestrator.models.nearest import did_you_mean
from orchestrator.session.errors import UsageError

_MORE = {EXECUTIONS: ("execution", "executions")}
"""Words for a kind in addition to its name, plural and short name."""
APPROVALS = ("approval", "approvals")
"""`get` lists it as well, though it is not a kind of the API server."""
LATEST = "@latest"
"""Stands for the name of the newest object."""


@cache
def words_of(kind: Resource) -> frozenset[str]:
    """The words that stand for a kind."""
    return frozenset({kind.plural, kind.kind.lower(), kind.short, *_MORE.get(kind, ())})


def kind_of(word: str) -> Resource:
    """The kind that a word means. Raises UsageError with the nearest one."""
    wanted = word.lower().removesuffix(f".{GROUP}")  # as kubectl prints it
    for kind in KINDS:
        if wanted in words_of(kind):
            return kind
    words = sorted({*APPROVALS, *(word for kind in KINDS for word in words_of(kind))})
    hint = did_you_mean(wanted, words) or f"; the kinds are {', '.join(k.plural for k in KINDS)}"
    raise UsageError(f"there is no kind {word}{hint}")


def is_path_segment(name: str) -> bool:
    """Whether a name of any kind is a single path segment; some names contain colons."""
    return name not in ("", ".", "..") and "/" not in name and "%" not in name


def kinds_of(words: str) -> list[Resource]:
    """The kinds that comma-separated words mean. Raises UsageError."""
    return list(dict.fromkeys(kind_of(word) for word in words.split(",") if word))


def name_in(kind: Resource, word: str) -> str:
    """The name in a word such as `first-1`, `@latest` or `awfx/first-1`, as `-o name` prints it.

    Raises UsageError if the word names another kind.
    """
    before, slash, name = word.partition("/")
    if not slash or not before:
        return word
    if kind_of(before) is not kind:
        raise UsageError(
            f"{word} names no {kind.kind}; write its name, or {kind.kind.lower()}/NAME"
        )
    return name
