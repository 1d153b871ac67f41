"""The parts of responses about the history."""

from __future__ import annotations

from typing import Any

from orchestrator.operations.records import FROM_HISTORY
from orchestrator.session.cluster import Raw

UNAVAILABLE = "historyUnavailable"
"""The field of a response without the history: why it is left out."""


class HistoryUnavailableError(Exception):
    """The history cannot be read now; the message says why, and nothing about the database's
    address or users."""


def from_history(document: Raw) -> Raw:
    """A recorded execution, marked as from the history."""
    return {**document, FROM_HISTORY: True}


def left_out(reason: str) -> dict[str, Any]:
    """The field that says why the history is left out; none without a reason."""
    return {UNAVAILABLE: reason} if reason else {}
