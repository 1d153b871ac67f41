"""Strings that do not match their pattern, and values in messages."""

from __future__ import annotations

from typing import Any

from orchestrator.expressions.errors import kind
from orchestrator.models.messages import QUOTED, about_pattern


def mismatch(pattern: str, given: str) -> str:
    """The problem of a string that does not match; names the pattern only if necessary."""
    message = about_pattern(pattern)
    if message is None:
        return f"{QUOTED.of(given)} does not match {pattern}"
    return message.of(given)


def shown(given: Any) -> str:
    """A value in a message."""
    if isinstance(given, str):
        return QUOTED.of(given)
    text = repr(given) if isinstance(given, int | float) else kind(given)
    return text if len(text) <= 80 else text[:79] + "…"
