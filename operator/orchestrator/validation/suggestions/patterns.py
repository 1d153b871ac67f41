"""Messages about strings that do not match their pattern, and values in messages."""

from __future__ import annotations

from typing import Any

from orchestrator.expressions.errors import kind
from orchestrator.models.messages import QUOTED, about_pattern


def mismatch(pattern: str, value: str) -> str:
    """The message for a string that does not match; shows the pattern only if no description is
    known."""
    message = about_pattern(pattern)
    if message is None:
        return f"{QUOTED.of(value)} does not match {pattern}"
    return message.of(value)


def shown(value: Any) -> str:
    """A value in a message."""
    if isinstance(value, str):
        return QUOTED.of(value)
    text = repr(value) if isinstance(value, int | float) else kind(value)
    return text if len(text) <= 80 else text[:79] + "…"
