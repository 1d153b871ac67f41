"""What answers say about the history."""

from __future__ import annotations

from typing import Any

from orchestrator.session.cluster import Raw

FROM_HISTORY = "fromHistory"
"""The field of an execution whose object has been removed from the cluster."""
UNAVAILABLE = "historyUnavailable"
"""The field of an answer that leaves out the history: why."""


class HistoryUnavailableError(Exception):
    """The history cannot be read now; the message says why, and nothing about the database's
    address or users."""


def from_history(document: Raw) -> Raw:
    """A recorded execution as it is answered."""
    return {**document, FROM_HISTORY: True}


def is_from_history(execution: Raw) -> bool:
    """Whether the cluster does not have the execution's object any more."""
    return FROM_HISTORY in execution


def left_out(reason: str) -> dict[str, Any]:
    """The field that says why the history is left out; none without a reason."""
    return {UNAVAILABLE: reason} if reason else {}
